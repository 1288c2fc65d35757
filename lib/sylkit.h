/* sylkit: syllables from speech.
 *
 * Audio goes in as float samples at any rate, syllables come out with times, a mean feature
 * vector and a token. Offline and live use are the same calls:
 *
 *     #include <stdio.h>
 *     #include <sylkit.h>
 *
 *     int syllables(const char *model_path, const float *samples, size_t n, int rate)
 *     {
 *         syl_error err;
 *         syl_model *model;
 *         syl_stream *stream;
 *         syl_segment seg;
 *         syl_stream_options opt = syl_stream_options_defaults();
 *         opt.sample_rate = rate;
 *         if (syl_model_load(&model, model_path, NULL, &err)) goto fail;
 *         if (syl_stream_create(&stream, model, &opt, &err)) goto fail;
 *         if (syl_stream_feed(stream, samples, n, &err)) goto fail;
 *         if (syl_stream_finish(stream, &err)) goto fail;
 *         while (syl_stream_get(stream, &seg))
 *             printf("%.2f %.2f %d\n", seg.start, seg.end, seg.token);
 *         syl_stream_free(stream);
 *         syl_model_free(model);
 *         return 0;
 *     fail:
 *         fprintf(stderr, "%s\n", err.message);
 *         return 1;
 *     }
 *
 * Conventions. Functions that can fail return a syl_status and fill `err` (may be NULL) with a
 * message that names what went wrong, with which value, and what to do. The library never
 * exits, prints, or keeps global state. Arrays are row-major float32; a frame is 20 ms
 * (50 Hz) unless the model says otherwise; times are seconds from the first sample fed.
 * Thread safety: a syl_model is read-only after loading and may be shared by any number of
 * threads; a syl_stream may move between threads but is used by one at a time. While a thread
 * computes here it takes signals late, after a product's end; threads of OpenMP that have worked
 * on a product take none any more.
 */
#ifndef SYLKIT_H
#define SYLKIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SYL_API __attribute__((visibility("default")))
#else
#define SYL_API
#endif

/* ---- status ------------------------------------------------------------------------- */

typedef enum syl_status {
    SYL_OK = 0,
    SYL_EINVAL,       /* an argument or option is out of range */
    SYL_ENOMEM,       /* memory could not be had */
    SYL_EIO,          /* the operating system refused to read or write */
    SYL_EFORMAT,      /* a file's content is damaged or not what it should be */
    SYL_EUNSUPPORTED, /* well-formed, but this build or version cannot do it */
    SYL_ECOMPUTE,     /* the compute library reported a failure */
    SYL_ECANCELLED    /* the caller asked to stop; what was done so far is kept */
} syl_status;

/* Owned by the caller; filled by the call that failed, untouched by one that succeeded. */
typedef struct syl_error {
    syl_status status;
    char message[512]; /* one line, no newline at its end */
} syl_error;

/* "1.2.3" of the library that is running. */
SYL_API const char *syl_version(void);

/* A short constant name such as "damaged or unknown format". */
SYL_API const char *syl_status_name(syl_status status);

/* ---- model -------------------------------------------------------------------------- */

typedef struct syl_model syl_model;

typedef enum syl_precision {
    SYL_PRECISION_F32 = 0,
    SYL_PRECISION_BF16 = 1 /* weights and activations bf16, sums and softmax f32; without AVX-512
                              products are computed in f32 of the rounded values: slower */
} syl_precision;

/* How a segment's mean vector m picks its nearest centroid c (Sylber's KMQuantizer). */
typedef enum syl_metric {
    SYL_METRIC_EUCLIDEAN = 0, /* min |m - c| */
    SYL_METRIC_NORM6 = 1,     /* m is first scaled to norm 6 (`normalize=True`) */
    SYL_METRIC_SPHERICAL = 2, /* max cosine */
    SYL_METRIC_MODEL = -1     /* what the model file says */
} syl_metric;

typedef struct syl_model_options {
    syl_precision precision;       /* default SYL_PRECISION_F32 */
    const char *codebook;          /* .npy [K][D] that replaces the model's own; NULL: none */
    const char *residual_codebook; /* .npy [K2][D] for the residual m - c; NULL: none */
    syl_metric metric;             /* default SYL_METRIC_MODEL */
    const char *device;            /* of the encoder: "cpu" (NULL is the same), "cuda", "cuda:N", or
                                      "auto", CUDA where it is there. Read by syl_model_load only */
} syl_model_options;

SYL_API syl_model_options syl_model_options_defaults(void);

/* Loads a safetensors file with sylkit metadata, or a folder that holds `model.safetensors`
 * with Hugging Face `config.json` of a HubertModel. Every tensor must be there with its shape
 * and finite values; extra tensors are ignored. `options` may be NULL. On success *out is
 * owned by the caller; on failure it is NULL. */
SYL_API syl_status syl_model_load(syl_model **out, const char *path,
                                  const syl_model_options *options, syl_error *err);

/* No stream of this model may be alive. NULL is allowed. */
SYL_API void syl_model_free(syl_model *model);

typedef struct syl_model_info {
    const char *encoder;      /* "hubert" (raw wave) or "mel"; lives as long as the model */
    int sample_rate;          /* of the encoder, Hz */
    double frame_rate;        /* frames a second */
    int dim;                  /* length of a frame's vector */
    int layers;               /* transformer layers */
    int64_t parameters;       /* weights in the encoder */
    int tokens;               /* centroids in the codebook, 0: none */
    int residual_tokens;      /* centroids in the residual codebook, 0: none */
    syl_metric metric;        /* of the codebook */
    syl_precision precision;  /* as loaded */
    double norm_threshold;    /* a frame with a norm below it is silence */
    double merge_threshold;   /* cosine from which neighbours are one syllable */
    double lookahead_seconds; /* future audio a frame depends on; -1: the whole recording */
} syl_model_info;

SYL_API void syl_model_get_info(const syl_model *model, syl_model_info *info);

/* ---- syllables ---------------------------------------------------------------------- */

typedef struct syl_segment {
    int64_t start_frame, end_frame; /* half open */
    double start, end;              /* seconds; frames / frame rate, plus the stream's shift */
    int32_t token;                  /* nearest centroid; -1: no codebook. Silence: see below */
    int32_t residual_token;         /* nearest residual centroid; -1: none */
    int32_t silence;                /* 1: a gap reported because of silence_frames */
    int32_t provisional;            /* 1: not final; the next segment of the stream, which has the
                                       same start_frame, stands in its place. See below */
    const float *feature;           /* [dim] mean of the frames; NULL for silence. Owned by the
                                       stream or result that gave the segment */
} syl_segment;

/* ---- stream ------------------------------------------------------------------------- */

typedef struct syl_stream syl_stream;

typedef struct syl_stream_options {
    int sample_rate;        /* of the samples fed, Hz, 1,000..768,000; default 16,000. Other rates
                               than the model's are resampled (libsoxr, high quality) */
    int channels;           /* interleaved channels, 1..64, averaged to one; default 1 */
    double norm_threshold;  /* default NaN: the model's */
    double merge_threshold; /* default NaN: the model's */
    double shift_seconds;   /* added to every reported time (never below 0); default 0 */
    int silence_frames;     /* gaps longer than this become a segment with silence = 1 and the
                               token `tokens` (one past the codebook); default 0: no such
                               segments. The paper (appendix A.2.3) uses 7 */
    int keep_frames;        /* 1: frames can be had with syl_stream_get_frames; default 0 */
    int threads;            /* for this stream's computation; default 1 */
    int provisional;        /* 1: a syllable is also given when its end was first heard, a syllable
                               before that is final: it may still move by some frames or merge with
                               what follows. syl_tokenize ignores it; default 0 */
    double hop_seconds;     /* "hubert" only. Above 0: a window is encoded again for each hop of new
                               frames, for live use (0.32 is usual); up to 30. Default 0: as
                               syl_stream_feed says, which is cheaper and later */
    double lookahead_seconds; /* with hop_seconds: future that a frame sees, from 0 (0.64 is usual);
                                 INFINITY: all, so that nothing comes before syl_stream_finish */
    double prior_seconds;     /* with hop_seconds: the running statistics of its normalisation begin
                                 as if so much average speech (long-term spectrum, -26 dB) had been
                                 heard, 0..60; default 2 */
} syl_stream_options;

SYL_API syl_stream_options syl_stream_options_defaults(void);

/* `options` may be NULL. The model must outlive the stream. */
SYL_API syl_status syl_stream_create(syl_stream **out, const syl_model *model,
                                     const syl_stream_options *options, syl_error *err);

/* n samples a channel, interleaved, nominally in [-1, 1]. A sample that is NaN or not
 * below 1e6 is refused (SYL_EINVAL, the stream stays usable and has taken nothing of this call).
 * With the "mel" encoder the result does not depend on how the audio is cut into feeds. The
 * "hubert" encoder looks at windows of up to 30 s that overlap by 7.5 s; a recording that fits in
 * one window is encoded in one piece, exactly as the published model does. With hop_seconds its
 * windows are 5.02 s long (longer where the look-ahead needs that), begin after every hop, and
 * are normalised with the statistics of what was heard so far. Once a stream is under way, feeds
 * that are not larger than those before take no new memory from the library itself (the compute
 * library below still has its small, short-lived objects). */
SYL_API syl_status syl_stream_feed(syl_stream *stream, const float *samples, size_t n,
                                   syl_error *err);

/* Optional first pass for "hubert" over a recording longer than one window: the same samples
 * as will be fed, so that its normalisation sees the whole recording before the first window
 * is encoded. Without it, the statistics of all that was fed so far are used. Call it before
 * the first feed; "mel" needs none and ignores it. */
SYL_API syl_status syl_stream_scan(syl_stream *stream, const float *samples, size_t n,
                                   syl_error *err);

/* No more audio will come: the remaining frames are computed as if silence followed. */
SYL_API syl_status syl_stream_finish(syl_stream *stream, syl_error *err);

/* Takes the next syllable: 1, or 0 when none is ready. `feature` stays valid until the
 * next call on this stream. */
SYL_API int syl_stream_get(syl_stream *stream, syl_segment *segment);

/* Takes up to `max` frames (keep_frames = 1) into frames [max][dim]; returns how many. */
SYL_API size_t syl_stream_get_frames(syl_stream *stream, float *frames, size_t max);

/* Frames computed, and samples at the model's rate taken in, since the beginning. */
SYL_API int64_t syl_stream_num_frames(const syl_stream *stream);
SYL_API int64_t syl_stream_num_samples(const syl_stream *stream);

/* NULL is allowed. */
SYL_API void syl_stream_free(syl_stream *stream);

/* ---- whole buffers ------------------------------------------------------------------ */

typedef struct syl_result {
    syl_segment *segments; /* [num_segments], in time order */
    size_t num_segments;
    float *features; /* [num_segments][dim]; a silence has a row of zeros */
    float *frames;   /* [num_frames][dim], NULL unless keep_frames */
    int64_t num_frames;
    int64_t num_samples; /* at the model's rate */
    int dim;
} syl_result;

/* All of a recording at once: scan, feed, finish, get. Freed with syl_result_free. */
SYL_API syl_status syl_tokenize(syl_result *out, const syl_model *model, const float *samples,
                                size_t n, const syl_stream_options *options, syl_error *err);

SYL_API void syl_result_free(syl_result *result);

/* Sylber's greedy segmentation alone (its `get_segment`): frames [num_frames][dim] to
 * half-open ranges bounds[i][0..1], at most num_frames of them, in linear time. Frames that
 * are NaN count as silence. *num_segments receives how many. */
SYL_API syl_status syl_segment_frames(const float *frames, int64_t num_frames, int dim,
                                      double norm_threshold, double merge_threshold,
                                      int64_t (*bounds)[2], int64_t *num_segments, syl_error *err);

/* ---- document codes ------------------------------------------------------------------ */

/* Paragraph vectors (Le and Mikolov 2014) and binary ones (Grzegorczyk and Kurdziel 2017): a model
 * that gives a document's code of some bits, a real vector, or both. */
typedef struct syl_bpv syl_bpv;

typedef enum syl_bpv_kind {
    SYL_BPV_DBOW,        /* real-valued: a document's vector predicts its words */
    SYL_BPV_DM,          /* with the words before each, side by side */
    SYL_BPV_BINARY_DBOW, /* the same two by way of a rounded sigmoid, the code */
    SYL_BPV_BINARY_DM,
    SYL_BPV_REAL_BINARY /* a real vector, and a code that is a projection of it */
} syl_bpv_kind;

/* Loads what `sylkit bpv train` wrote. Every tensor must be there with its shape and finite
 * values. On success *out is owned by the caller; on failure it is NULL. A model is read-only and
 * may be shared by any number of threads. */
SYL_API syl_status syl_bpv_load(syl_bpv **out, const char *path, syl_error *err);
SYL_API void syl_bpv_free(syl_bpv *model); /* NULL is allowed */

typedef struct syl_bpv_info {
    syl_bpv_kind kind;
    int bits;          /* of a code */
    int dim;           /* length of a document's vector */
    int context;       /* words before each, of the DM kinds; otherwise 0 */
    int64_t items;     /* words (and pairs of words) in the vocabulary */
    int64_t documents; /* of the training set whose vectors the file has; 0: none */
    int bigrams;       /* 1: neighbouring words are items, too */
} syl_bpv_info;

SYL_API void syl_bpv_get_info(const syl_bpv *model, syl_bpv_info *info);
/* An item's number, -1 where the vocabulary lacks it; and back (valid as long as the model). */
SYL_API int32_t syl_bpv_find(const syl_bpv *model, const char *item);
SYL_API const char *syl_bpv_item(const syl_bpv *model, int32_t number);

/* How an unseen document is worked out: all else stays as it is, and its own vector takes `passes`
 * times over the document the steps of training. */
typedef struct syl_bpv_infer_options {
    int passes;
    double learning_rate;
    double dropout; /* of training, kept in inference, or 0. What was rounded under dropout has
                       learnt from few ones, and without it breaks down */
    int sigmoid;    /* 1: the sigmoid itself, not rounded, leads to the output: better where there
                       was no dropout, bad where there was. Binary kinds only */
    int threads;    /* default 1; the result does not depend on it */
    uint64_t seed;
    const char *device; /* "cpu" (NULL is the same), "cuda", "cuda:N" or "auto" */
} syl_bpv_infer_options;

/* Those that the model was made with. */
SYL_API syl_bpv_infer_options syl_bpv_infer_defaults(const syl_bpv *model);

/* Documents begin[i] to begin[i + 1] of `items` (numbers of items; others than the vocabulary's,
 * such as -1, are passed over), count of them. codes [count][(bits + 7) / 8]: bit j is bit j % 8
 * of byte j / 8, 1 where the vector's element (or its projection's) is above 0. vectors
 * [count][dim]. empty [count]: 1 for a document without a single item, whose code and vector are
 * zeros. Each of the three may be NULL, and so may `options`. A document's result depends on its
 * items and the seed alone, not on those beside it. */
SYL_API syl_status syl_bpv_infer(const syl_bpv *model, const int32_t *items, const int64_t *begin,
                                 int64_t count, const syl_bpv_infer_options *options,
                                 uint8_t *codes, float *vectors, uint8_t *empty, syl_error *err);

/* Of the training set, as training left them: the same arrays of info.documents rows, zeros for
 * documents without a single item. */
SYL_API syl_status syl_bpv_documents(const syl_bpv *model, uint8_t *codes, float *vectors,
                                     syl_error *err);
/* A document's name, "" where it has none. */
SYL_API const char *syl_bpv_document_name(const syl_bpv *model, int64_t document);

/* ---- index of binary codes ---------------------------------------------------------- */

/* Codes of a fixed number of bits, found by Hamming distance, each with a vector of float32 if the
 * index has them (the Real-Binary model: a short code to filter, a vector to rank). A code is
 * `(bits + 7) / 8` bytes: bit j is bit j % 8 (from the least) of byte j / 8, as in Faiss and in
 * numpy.packbits(bitorder="little"); bits past the length must be 0. Codes are numbered in the
 * order in which they were added, from 0.
 *
 * Thread safety: any number of threads may search one index at a time; create, add, build,
 * set_device, load and free want it alone. */
typedef struct syl_index syl_index;

#define SYL_INDEX_BITS 1024 /* of a code at most */

/* bits: 1..SYL_INDEX_BITS; dim: of the vectors, 0 for none. *out is owned by the caller. */
SYL_API syl_status syl_index_create(syl_index **out, int bits, int dim, syl_error *err);
/* NULL is allowed. */
SYL_API void syl_index_free(syl_index *index);

/* n codes [n][(bits + 7) / 8], and their vectors [n][dim] (NULL where dim is 0), which are copied.
 * On failure nothing is added. An index has at most 2^31 - 1 codes. Tables (syl_index_build) are
 * given up. */
SYL_API syl_status syl_index_add(syl_index *index, const uint8_t *codes, const float *vectors,
                                 int64_t n, syl_error *err);

typedef struct syl_index_info {
    int bits, dim;   /* dim 0: no vectors */
    int64_t count;   /* codes */
    int tables;      /* of multi-index hashing, 0: not built */
    int table_bits;  /* of each of their substrings */
    int64_t in_file; /* codes that are read from the file as they are needed */
} syl_index_info;
SYL_API void syl_index_get_info(const syl_index *index, syl_index_info *info);

/* Codes and vectors (NULL: not wanted) of the numbers [first, first + n). */
SYL_API syl_status syl_index_get(const syl_index *index, int64_t first, int64_t n, uint8_t *codes,
                                 float *vectors, syl_error *err);

/* ---- its file */

/* Written to a temporary file that takes the name once it is complete: on failure an older file of
 * that name stays. Tables are not written. */
SYL_API syl_status syl_index_save(const syl_index *index, const char *path, syl_error *err);

/* Maps the file, which must not be changed while the index lives (it may be replaced, also by
 * syl_index_save). check 1: its content is read and compared with its checksum; 0: only the header
 * and the length are looked at, for files larger than memory. */
SYL_API syl_status syl_index_load(syl_index **out, const char *path, int check, syl_error *err);

/* For Faiss's read_index_binary, as IndexBinaryFlat; the number of bits must be a multiple of 8. */
SYL_API syl_status syl_index_export_faiss(const syl_index *index, const char *path, syl_error *err);
/* For numpy.load: uint8 [count][(bits + 7) / 8]. */
SYL_API syl_status syl_index_export_npy(const syl_index *index, const char *path, syl_error *err);

/* ---- search */

/* Makes tables for multi-index hashing (Norouzi, Punjani & Fleet 2012): `tables` disjoint parts of
 * the codes, 1..bits, each of bits / tables bits but 24 at most; 0: as many as suit the number of
 * codes. They take 4 bytes a code and 2^table_bits words of 4 bytes each. */
SYL_API syl_status syl_index_build(syl_index *index, int tables, int threads, syl_error *err);

/* Has the scan for at most 128 hits done by a device: "cuda", "cuda:N", or "auto", CUDA where it is
 * there; "cpu" (NULL is the same) as at first. All codes must fit into its memory. Searches by
 * several threads take turns there. Other scans, tables and ranking stay with the CPU. */
SYL_API syl_status syl_index_set_device(syl_index *index, const char *device, syl_error *err);

typedef enum syl_index_method {
    SYL_INDEX_AUTO = 0, /* tables where they were built, until they cost more than the scan */
    SYL_INDEX_SCAN,     /* all codes, for several queries at a time */
    SYL_INDEX_TABLES    /* tables only */
} syl_index_method;

typedef struct syl_search_options {
    int64_t k;               /* hits a query at most, the nearest; default 10; 0: no bound */
    int radius;              /* hits' greatest distance; default -1: any */
    int64_t candidates;      /* syl_index_rank only: so many nearest codes are ranked, of those
                                within radius; default 0: all of them */
    syl_index_method method; /* default SYL_INDEX_AUTO; what is found does not depend on it */
    int threads;             /* default 1 */
} syl_search_options;

SYL_API syl_search_options syl_search_options_defaults(void);

/* Owned by the caller, freed with syl_hits_free. */
typedef struct syl_hits {
    int64_t num_queries;
    int64_t *offsets;    /* [num_queries + 1] hits of query q are those from offsets[q] on, below
                            offsets[q + 1] */
    int64_t *ids;        /* [offsets[num_queries]] numbers of the codes */
    int32_t *distances;  /* [offsets[num_queries]] Hamming */
    float *cosines;      /* [offsets[num_queries]] of syl_index_rank, else NULL */
    int64_t *candidates; /* [num_queries] codes that syl_index_rank ranked, else NULL */
} syl_hits;

SYL_API void syl_hits_free(syl_hits *hits);

/* The codes nearest to each of n queries [n][(bits + 7) / 8], by distance, then number: exactly
 * those, with every method and number of threads. `options` may be NULL. */
SYL_API syl_status syl_index_search(const syl_index *index, const uint8_t *queries, int64_t n,
                                    const syl_search_options *options, syl_hits *out,
                                    syl_error *err);

/* Two stages: candidates by Hamming distance, then the k of the largest cosine between their
 * vectors and the query's, `vectors` [n][dim] (0 where a vector is all zeros); of equals that of
 * the smaller distance, then number. */
SYL_API syl_status syl_index_rank(const syl_index *index, const uint8_t *queries,
                                  const float *vectors, int64_t n,
                                  const syl_search_options *options, syl_hits *out, syl_error *err);

#ifdef __cplusplus
}
#endif
#endif
