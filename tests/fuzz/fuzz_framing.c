/* Any bytes as frames, cut in any way (the first byte says how): the events do not depend on the
 * cut, and no more comes out than went in. */
#include <stdlib.h>

#include "stream/daemon/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct outcome {
    syl_status status;
    size_t headers, payload;
} outcome;

static outcome run(const uint8_t *data, size_t size, size_t step)
{
    static const syl_framing_limits limits = {.max_header = 200, .max_payload = 500};
    outcome o = {0};
    syl_framing *f;
    if (syl_framing_create(&f, &limits, NULL)) abort();
    for (size_t i = 0; o.status == SYL_OK && i < size;) {
        size_t used = 0, n = size - i < step ? size - i : step;
        syl_frame frame;
        o.status = syl_framing_next(f, data + i, n, &used, &frame, NULL);
        if (used > n || (o.status == SYL_OK && used == 0)) abort();
        i += used;
        if (o.status) break;
        if (frame.event == SYL_FRAME_HEADER) o.headers++;
        if (frame.event == SYL_FRAME_HEADER && frame.payload_length > limits.max_payload) abort();
        if (frame.event == SYL_FRAME_PAYLOAD) o.payload += frame.size;
    }
    syl_framing_free(f);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t step = data[0] ? data[0] : 256;
    outcome whole = run(data + 1, size - 1, size), cut = run(data + 1, size - 1, step);
    if (whole.status != cut.status || whole.headers != cut.headers || whole.payload != cut.payload)
        abort();
    if (whole.payload > size) abort();
    return 0;
}
