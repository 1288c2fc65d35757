#include "train/run_identity.h"

#include <jansson.h>
#include <string.h>

syl_status syl_run_identity_check(const char *path, const char *then, const char *now,
                                  const char *instead, syl_error *err)
{
    json_t *a = json_loads(then, 0, NULL), *b = json_loads(now, 0, NULL), *value;
    const char *key;
    syl_status status = SYL_OK;
    if (!a || !b) status = syl_fail(err, SYL_EFORMAT, "%s: its options cannot be read", path);
    json_object_foreach(b, key, value)
    {
        const char *before = json_string_value(json_object_get(a, key));
        if (status == SYL_OK && strcmp(before ? before : "", json_string_value(value)))
            status = syl_fail(err, SYL_EINVAL,
                              "%s was made with other options: %s was '%.100s', now it is "
                              "'%.100s'. Give the same, or another %s",
                              path, key, before ? before : "", json_string_value(value), instead);
    }
    json_decref(a);
    json_decref(b);
    return status;
}
