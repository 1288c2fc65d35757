#include "stream/daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2000

const char *const syl_log_level_names[] = {"error", "warn", "info", "debug", NULL};

static syl_log_level most = SYL_LOG_INFO;

void syl_log_set_level(syl_log_level level)
{
    most = level;
}

typedef struct line {
    char text[LINE_SIZE];
    size_t n;
} line;

static void put(line *l, const char *text, size_t n)
{
    size_t room = sizeof l->text - 1 - l->n; /* one is kept for the newline */
    if (n > room) n = room;
    memcpy(l->text + l->n, text, n);
    l->n += n;
}

static void put_escaped(line *l, unsigned char c)
{
    char text[8];
    int n;
    if (c == '"' || c == '\\')
        n = snprintf(text, sizeof text, "\\%c", c);
    else if (c == '\n')
        n = snprintf(text, sizeof text, "\\n");
    else if (c < 0x20 || c == 0x7f)
        n = snprintf(text, sizeof text, "\\x%02x", c);
    else
        n = snprintf(text, sizeof text, "%c", c);
    if (l->n + (size_t)n + 2 < sizeof l->text) put(l, text, (size_t)n);
}

static int is_plain(const char *value)
{
    if (!*value) return 0;
    for (; *value; value++)
        if ((unsigned char)*value <= ' ' || strchr("\"=\\\x7f", *value)) return 0;
    return 1;
}

static void put_pair(line *l, const char *name, const char *value)
{
    if (l->n + strlen(name) + 6 > sizeof l->text) return;
    if (l->n) put(l, " ", 1);
    put(l, name, strlen(name));
    put(l, "=", 1);
    if (is_plain(value)) {
        put(l, value, strlen(value));
        return;
    }
    put(l, "\"", 1);
    for (const char *c = value; *c; c++)
        put_escaped(l, (unsigned char)*c);
    put(l, "\"", 1);
}

void syl_log(syl_log_level level, const char *message, ...)
{
    line l = {.n = 0};
    char stamp[48], fine[64];
    struct timespec now;
    struct tm utc;
    va_list args;
    if (level > most) return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(fine, sizeof fine, "%s.%03ldZ", stamp, now.tv_nsec / 1000000);
    put_pair(&l, "ts", fine);
    put_pair(&l, "level", syl_log_level_names[level]);
    put_pair(&l, "msg", message);
    va_start(args, message);
    for (const char *name; (name = va_arg(args, const char *));) {
        const char *value = va_arg(args, const char *);
        put_pair(&l, name, value ? value : "");
    }
    va_end(args);
    l.text[l.n++] = '\n';
    for (size_t done = 0; done < l.n;) {
        ssize_t n = write(STDERR_FILENO, l.text + done, l.n - done);
        if (n <= 0) return; /* there is nobody to tell */
        done += (size_t)n;
    }
}
