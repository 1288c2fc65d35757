/* What clients say, whatever carries it. */
#ifndef SYL_STREAM_PROTOCOL_H
#define SYL_STREAM_PROTOCOL_H

#include <jansson.h>

#include "stream/daemon/session.h"

/* 16 kHz s16le mono with the daemon's thresholds. */
syl_session_format syl_default_format(const syl_service *service);

/* The same with what a client asks for: rate (or sample_rate), channels, encoding, width, norm,
 * merge, silence, shift. Every value is checked. */
syl_status syl_format_of(syl_session_format *format, const syl_service *service,
                         const json_t *fields, syl_error *err);

/* "s16le:16000:1" or the like of f32le, for raw clients. */
syl_status syl_format_of_raw(syl_session_format *format, const syl_service *service,
                             const char *text, syl_error *err);

/* A message without payload: audio-start, audio-stop, describe, metrics, ping. Errors are
 * the caller's to tell. */
syl_status syl_protocol_message(syl_session *session, syl_service *service, const char *type,
                                const json_t *fields, syl_error *err);

/* The same for the text of a WebSocket message, where also the words of vosk's and sherpa-onnx's
 * clients are known: {"config": {"sample_rate": N}}, {"eof": 1}, Done. */
syl_status syl_protocol_text(syl_session *session, syl_service *service, const char *text, size_t n,
                             syl_error *err);

#endif
