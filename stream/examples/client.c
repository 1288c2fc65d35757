/* A client of sylkitd in C with nothing but the system:
 *
 *     cc -o client client.c
 *     arecord -q -f S16_LE -r 16000 -t raw | ./client SOCKET [RATE]
 *
 * Sends standard input (s16le, mono, 16 kHz or RATE) as frames and prints the server's lines, a
 * JSON object each, as they come. Reading and writing go on at once: a client that only writes
 * would be held back by the server when enough results wait to be read. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE 3200 /* bytes: 100 ms */

static char out[PIECE + 100]; /* what is still to be sent: [begin, end) */
static size_t begin, end;

/* A header with one number beside its type. */
static void put_header(const char *type, const char *name, int number)
{
    begin = 0;
    end = (size_t)snprintf(out, sizeof out, "{\"type\":\"%s\",\"%s\":%d}\n", type, name, number);
}

/* The next frame from standard input; 0: it has ended. */
static int next_frame(void)
{
    char piece[PIECE];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    put_header(n ? "audio-chunk" : "audio-stop", "payload_length", (int)n);
    memcpy(out + end, piece, (size_t)n);
    end += (size_t)n;
    return n > 0;
}

/* Prints what the server says; 0 when it has said all, -1 when the connection broke. */
static int print_answer(int fd)
{
    char text[4096];
    ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? 1 : -1;
    fwrite(text, 1, (size_t)n, stdout);
    fflush(stdout);
    return n > 0;
}

static int talk(int fd, int rate)
{
    int more = 1, shut = 0, answer = 1;
    put_header("audio-start", "rate", rate);
    while (answer > 0) {
        struct pollfd polls[2] = {
            {.fd = fd, .events = (short)(POLLIN | (begin < end ? POLLOUT : 0))},
            {.fd = more && begin == end ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR) return -1;
        if (polls[0].revents & POLLOUT) {
            ssize_t n = send(fd, out + begin, end - begin, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) begin += (size_t)n;
            if (n < 0 && errno != EAGAIN && errno != EINTR) /* the answer says why */
                begin = end = 0, more = 0;
        }
        if (polls[1].revents) more = next_frame();
        if (!more && begin == end && !shut) {
            shutdown(fd, SHUT_WR);
            shut = 1;
        }
        if (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) answer = print_answer(fd);
    }
    return answer;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rate = argc == 3 ? atoi(argv[2]) : 16000;
    if (argc < 2 || argc > 3 || rate < 1 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: client SOCKET [RATE]\n");
        return 2;
    }
    strcpy(address.sun_path, argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        perror(argv[1]);
        return 1;
    }
    int failed = talk(fd, rate) < 0;
    if (failed) perror("sylkitd");
    close(fd);
    return failed;
}
