/* Reading a configuration: the fields of a JSON object, each within its limits. The first failure
 * is kept, with the name of the file and the key; later reads do nothing. */
#ifndef SYL_IO_JSON_FIELDS_H
#define SYL_IO_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/status.h"

typedef struct syl_json_fields {
    const json_t *root;
    const char *name; /* of the file, for messages */
    syl_error *err;
    syl_status status; /* the first failure */
} syl_json_fields;

/* `missing`, where it is at least `low`, stands for a key that is missing or null. */
int syl_json_int(syl_json_fields *r, const char *key, int low, int high, int missing);
double syl_json_real(syl_json_fields *r, const char *key, double low, double high, double missing);
bool syl_json_bool(syl_json_fields *r, const char *key, bool missing);
/* NULL when the key is missing. */
const char *syl_json_text(syl_json_fields *r, const char *key);
/* The value must be one of two words (missing: the first); true when it is the second. */
bool syl_json_choice(syl_json_fields *r, const char *key, const char *first, const char *second);
/* n integers of 1 to high. */
void syl_json_ints(syl_json_fields *r, const char *key, int *out, int n, int high);

#endif
