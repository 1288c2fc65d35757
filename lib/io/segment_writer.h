/* Segments as text: JSON lines, Praat TextGrid, CSV, Audacity labels. */
#ifndef SYL_IO_SEGMENT_WRITER_H
#define SYL_IO_SEGMENT_WRITER_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/status.h"

typedef enum syl_segment_format {
    SYL_FORMAT_JSONL,
    SYL_FORMAT_TEXTGRID,
    SYL_FORMAT_CSV,
    SYL_FORMAT_AUDACITY
} syl_segment_format;

/* "jsonl", "textgrid", "csv", "audacity" in the order of the enum, then NULL. */
extern const char *const syl_segment_format_names[];

/* What a file of this format usually ends with: "jsonl", "TextGrid", "csv", "txt". */
const char *syl_segment_extension(syl_segment_format format);

typedef struct syl_segment_record {
    const char *file; /* any bytes; where JSON needs UTF-8, bad bytes become U+FFFD */
    int sample_rate;
    int64_t num_samples; /* at sample_rate */
    double frame_rate;
    int64_t num_frames;
    double norm_threshold, merge_threshold;
    const syl_segment *segments; /* [num_segments] */
    size_t num_segments;
    bool frames; /* CSV and Audacity: start and end as frame numbers, not seconds */
} syl_segment_record;

/* jsonl:    one line, an object {"file", "sample_rate", "num_samples", "frame_rate",
 *           "num_frames", "norm_threshold", "merge_threshold", "segments": [{"start", "end",
 *           "start_frame", "end_frame", "token"}]}; token is null without a codebook; there is
 *           "residual_token" with a residual codebook and "silence": true for silence.
 * textgrid: long text format; a tier "syllables" (tokens, "sil" for silence, "syl" without a
 *           codebook) and with a residual codebook a tier "residual"; gaps are empty.
 * csv:      file,start,end,token,residual_token,silence; no header line, see below.
 * audacity: start, end, label, with tabs between.
 * A write error of `out` is SYL_EIO; buffered output is the caller's to check. */
syl_status syl_segments_write(FILE *out, syl_segment_format format,
                              const syl_segment_record *record, syl_error *err);

/* The line before the first record of a file; nothing but for CSV. */
void syl_segments_write_header(FILE *out, syl_segment_format format);

#endif
