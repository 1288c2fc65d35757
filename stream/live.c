#include "stream/live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define REDRAW_SECONDS 0.1
#define BAR 12            /* columns of the level */
#define FLOOR_DB (-60.0f) /* the bar's left end */
#define LONGEST 160       /* columns used of a wide terminal */

syl_live syl_live_begin(bool quiet)
{
    return (syl_live){.on = !quiet && isatty(STDERR_FILENO)};
}

void syl_live_sound(syl_live *l, const float *samples, size_t values, double seconds)
{
    double squares = 0;
    l->seconds += seconds;
    if (!l->on || !values) return;
    for (size_t i = 0; i < values; i++)
        squares += (double)samples[i] * samples[i];
    l->level = (float)sqrt(squares / (double)values);
}

void syl_live_token(syl_live *l, int32_t token)
{
    l->token[l->tokens++ % SYL_LIVE_TOKENS] = token;
}

static size_t columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 30) return 80;
    return size.ws_col < LONGEST ? size.ws_col : LONGEST;
}

static void put_bar(char *bar, float level)
{
    float db = level > 0 ? 20 * log10f(level) : FLOOR_DB;
    for (int i = 0; i < BAR; i++)
        bar[i] = db > FLOOR_DB * (1 - (float)i / BAR) ? '#' : '.';
    bar[BAR] = 0;
}

void syl_live_draw(syl_live *l)
{
    char bar[BAR + 1], tokens[LONGEST + 16] = "", one[16];
    double now = syl_clock_seconds();
    if (!l->on || now - l->shown < REDRAW_SECONDS) return;
    put_bar(bar, l->level);
    size_t room = columns() - 30, kept = l->tokens < SYL_LIVE_TOKENS ? l->tokens : SYL_LIVE_TOKENS;
    for (size_t i = 0, used = 0; i < kept; i++) { /* the newest first */
        int32_t token = l->token[(l->tokens - 1 - i) % SYL_LIVE_TOKENS];
        int n = token < 0 ? snprintf(one, sizeof one, " -")
                          : snprintf(one, sizeof one, " %d", (int)token);
        if (used + (size_t)n > room) break;
        memcpy(tokens + used, one, (size_t)n + 1);
        used += (size_t)n;
    }
    fprintf(stderr, "\r%8.1f s [%s]%s\033[K", l->seconds, bar, tokens);
    fflush(stderr);
    l->drawn = true;
    l->shown = now;
}

void syl_live_erase(syl_live *l)
{
    if (l->drawn) fputs("\r\033[K", stderr);
    l->drawn = false;
    l->shown = 0;
}
