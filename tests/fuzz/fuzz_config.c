/* Any bytes as a configuration: they are refused, or can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "sylber/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syl_config config, again;

    if (syl_config_parse(&config, (const char *)data, size, "input", NULL)) return 0;
    char *text = syl_config_write(&config);
    if (!text) abort();
    if (syl_config_parse(&again, text, strlen(text), "written", NULL)) abort();
    if (syl_config_dim(&config) != syl_config_dim(&again)) abort();
    if (syl_config_hop(&config) != syl_config_hop(&again)) abort();
    free(text);
    return 0;
}
