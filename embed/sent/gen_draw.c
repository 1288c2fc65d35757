#include "embed/sent/gen_draw.h"

#include "lib/base/hash.h"

const char *const syl_sent_split_names[] = {"train", "valid", "test", NULL};

/* FNV's low bits alone are not even enough. */
static syl_sent_split split_of(uint64_t hash)
{
    uint32_t tenth = (uint32_t)((hash ^ hash >> 32) * 0x9E3779B97F4A7C15u >> 32) % 10;
    return tenth == 0 ? SYL_SENT_TEST : tenth == 1 ? SYL_SENT_VALID : SYL_SENT_TRAIN;
}

void syl_gen_seen_free(syl_gen_seen *seen)
{
    syl_word_table_free(&seen->table);
}

static syl_status take_hash(syl_gen_seen *seen, uint64_t hash, bool *take, syl_error *err)
{
    syl_record *r;
    SYL_TRY(syl_word_table_put(&seen->table, (const char *)&hash, sizeof hash, &r, err));
    *take = r->count++ == 0;
    return SYL_OK;
}

syl_status syl_gen_new(syl_gen_seen *seen, const char *question, bool *take, syl_error *err)
{
    return take_hash(seen, syl_hash_text(SYL_HASH_START, question), take, err);
}

syl_status syl_gen_take(syl_gen_seen *seen, const char *question, syl_sent_split split, bool *take,
                        syl_error *err)
{
    uint64_t hash = syl_hash_text(SYL_HASH_START, question);
    *take = false;
    return split_of(hash) == split ? take_hash(seen, hash, take, err) : SYL_OK;
}

syl_status syl_gen_exhausted(const syl_sent_dataset *made, const syl_sent_draw *draw,
                             const char *remedy, syl_error *err)
{
    return syl_fail(err, SYL_EINVAL,
                    "%zu questions are too many: after %zu of the split %s no new ones were "
                    "found; %s",
                    draw->count, made->count, syl_sent_split_names[draw->split], remedy);
}

int syl_gen_between(syl_random *r, int low, int high)
{
    return low + (int)syl_random_below(r, (uint32_t)(high - low + 1));
}
