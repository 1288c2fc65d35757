#include "lib/io/json_fields.h"

#include <string.h>

int syl_json_int(syl_json_fields *r, const char *key, int low, int high, int missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || ((!v || json_is_null(v)) && missing >= low)) return missing;
    if (json_is_integer(v) && json_integer_value(v) >= low && json_integer_value(v) <= high)
        return (int)json_integer_value(v);
    r->status =
        syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s %s; needs %d to %d", r->name, key,
                 v ? "is out of range or no integer" : "is missing", low, high);
    return low;
}

double syl_json_real(syl_json_fields *r, const char *key, double low, double high, double missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return missing;
    double x = json_number_value(v);
    if (json_is_number(v) && x >= low && x <= high) return x;
    r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be %g to %g", r->name,
                         key, low, high);
    return low;
}

bool syl_json_bool(syl_json_fields *r, const char *key, bool missing)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return missing;
    if (!json_is_boolean(v))
        r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be true or false",
                             r->name, key);
    return json_is_true(v);
}

const char *syl_json_text(syl_json_fields *r, const char *key)
{
    json_t *v = json_object_get(r->root, key);
    if (r->status != SYL_OK || !v || json_is_null(v)) return NULL;
    if (!json_is_string(v))
        r->status = syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be a string",
                             r->name, key);
    return json_string_value(v);
}

bool syl_json_choice(syl_json_fields *r, const char *key, const char *first, const char *second)
{
    const char *text = syl_json_text(r, key);
    if (r->status != SYL_OK || !text || strcmp(text, first) == 0) return false;
    if (strcmp(text, second) != 0)
        r->status =
            syl_fail(r->err, SYL_EUNSUPPORTED,
                     "%s: configuration key %s is \"%.60s\"; supported: %s%s%s", r->name, key, text,
                     first, strcmp(first, second) ? ", " : "", strcmp(first, second) ? second : "");
    return true;
}

void syl_json_ints(syl_json_fields *r, const char *key, int *out, int n, int high)
{
    json_t *list = json_object_get(r->root, key);
    if (r->status != SYL_OK) return;
    bool good = json_is_array(list) && json_array_size(list) == (size_t)n;
    for (int i = 0; good && i < n; i++) {
        json_t *v = json_array_get(list, (size_t)i);
        good = json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= high;
        out[i] = good ? (int)json_integer_value(v) : 1;
    }
    if (!good)
        r->status =
            syl_fail(r->err, SYL_EFORMAT, "%s: configuration key %s must be %d integers of 1 to %d",
                     r->name, key, n, high);
}
