#include "stream/daemon/service.h"

#include <string.h>

int syl_service_enter(syl_service *service)
{
    syl_metrics *m = &service->metrics;
    if (++m->clients <= service->options.max_clients) {
        m->connections++;
        return 1;
    }
    m->clients--;
    m->drops[SYL_DROP_BUSY]++;
    return 0;
}

void syl_service_leave(syl_service *service)
{
    service->metrics.clients--;
}

int syl_service_token_is(const syl_service *service, const char *given)
{
    if (!service->token) return 1;
    if (!given) return 0;
    size_t n = strlen(service->token), m = strlen(given);
    volatile unsigned char difference = n != m;
    for (size_t i = 0; i < m; i++) /* as long as the caller's own text, whatever the token is */
        difference |= (unsigned char)(given[i] ^ service->token[i % n]);
    return !difference;
}
