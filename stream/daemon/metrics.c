#include "stream/daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *const syl_drop_names[SYL_DROP_REASONS] = {"protocol", "limit",    "idle",    "auth",
                                                      "busy",     "vanished", "internal"};

static const double bounds[SYL_LATENCY_BUCKETS] = {0.05, 0.1, 0.2, 0.3, 0.4, 0.5,
                                                   0.6,  0.8, 1,   1.5, 2.5, 5};

void syl_metrics_latency(syl_metrics *m, double seconds)
{
    int i = 0;
    if (!(seconds > 0)) seconds = 0;
    while (i < SYL_LATENCY_BUCKETS && seconds > bounds[i])
        i++;
    m->latency[i]++;
    m->latency_us += (uint64_t)(1e6 * seconds);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP sylkitd_%s %s\n# TYPE sylkitd_%s %s\n", name, help, name, type);
}

static void put(FILE *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    fprintf(out, "sylkitd_%s %.12g\n", name, value);
}

static void put_latency(FILE *out, const syl_metrics *m)
{
    static const char name[] = "latency_seconds";
    uint64_t sum = 0;
    head(out, name, "histogram",
         "From the end of a syllable in the audio received to its final event.");
    for (int i = 0; i <= SYL_LATENCY_BUCKETS; i++) {
        char bound[32] = "+Inf";
        if (i < SYL_LATENCY_BUCKETS) snprintf(bound, sizeof bound, "%g", bounds[i]);
        sum += m->latency[i];
        fprintf(out, "sylkitd_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bound, sum);
    }
    fprintf(out, "sylkitd_%s_sum %.6f\nsylkitd_%s_count %" PRIu64 "\n", name,
            1e-6 * (double)m->latency_us, name, sum);
}

static void print(FILE *out, const syl_metrics *m)
{
    double audio = 1e-6 * (double)m->audio_us, compute = 1e-6 * (double)m->compute_us;
    put(out, "clients", "gauge", "Clients connected now.", m->clients);
    put(out, "connections_total", "counter", "Clients accepted.", (double)m->connections);
    put(out, "streams_total", "counter", "Streams begun.", (double)m->streams);
    put(out, "syllables_total", "counter", "Final syllables sent.", (double)m->syllables);
    put(out, "audio_seconds_total", "counter", "Audio computed.", audio);
    put(out, "compute_seconds_total", "counter", "Time of the workers on it.", compute);
    put(out, "real_time_factor", "gauge", "Compute time by audio time since the start.",
        audio > 0 ? compute / audio : 0);
    put(out, "queue_seconds", "gauge", "Audio that waits for a worker, all clients together.",
        1e-6 * (double)m->queued_us);
    put(out, "discarded_audio_seconds_total", "counter",
        "Audio received and not computed because its client went away.",
        1e-6 * (double)m->discarded_us);
    put(out, "reloads_total", "counter", "Models loaded anew by SIGHUP.", (double)m->reloads);
    put(out, "failed_reloads_total", "counter", "Reloads that failed: the old model stayed.",
        (double)m->failed_reloads);
    head(out, "drops_total", "counter", "Clients let go, by reason.");
    for (int i = 0; i < SYL_DROP_REASONS; i++)
        fprintf(out, "sylkitd_drops_total{reason=\"%s\"} %" PRIu64 "\n", syl_drop_names[i],
                m->drops[i]);
    put_latency(out, m);
}

char *syl_metrics_text(const syl_metrics *m)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out) return NULL;
    print(out, m);
    if (!fclose(out)) return text;
    free(text);
    return NULL;
}
