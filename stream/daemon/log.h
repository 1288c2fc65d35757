/* Lines of logfmt on standard error: time, level, message and NAME=VALUE pairs. One write a line,
 * from any thread. */
#ifndef SYL_STREAM_LOG_H
#define SYL_STREAM_LOG_H

typedef enum syl_log_level {
    SYL_LOG_ERROR,
    SYL_LOG_WARN,
    SYL_LOG_INFO,
    SYL_LOG_DEBUG
} syl_log_level;

extern const char *const syl_log_level_names[]; /* ended by NULL */

/* Before other threads run. Lines above this level are left out. */
void syl_log_set_level(syl_log_level level);

/* `pairs` are NAME, VALUE, NAME, VALUE ... as strings, ended by NULL; a value is quoted and escaped
 * where it needs that, and cut to what fits a line of 2,000 bytes. */
void syl_log(syl_log_level level, const char *message, ...) __attribute__((sentinel));

#endif
