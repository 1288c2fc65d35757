/* Memory that a context gives out and takes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compute/compute.h"

static syl_error err;

static void ok(syl_status status)
{
    if (status != SYL_OK) fail_msg("%s", err.message);
}

static void marks_and_sizes(void **state)
{
    syl_ctx *own;
    syl_mat a, b, c, again;
    (void)state;
    ok(syl_ctx_create(&own, 1, &err));
    ok(syl_ctx_mat(own, SYL_F32, 3, 5, &a, &err));
    size_t mark = syl_ctx_mark(own);
    ok(syl_ctx_mat(own, SYL_BF16, 1, 1, &b, &err));
    ok(syl_ctx_mat(own, SYL_F32, 700, 1000, &c, &err)); /* not in what is left of the first slab */
    assert_int_equal((uintptr_t)a.data % 64, 0);
    assert_int_equal((uintptr_t)b.data % 64, 0);
    assert_int_equal((uintptr_t)c.data % 64, 0);
    assert_int_equal(c.stride, 1000);
    assert_true((uint8_t *)b.data >= (uint8_t *)a.data + 60);
    syl_ctx_release(own, mark);
    assert_int_equal(syl_ctx_mark(own), mark);
    ok(syl_ctx_mat(own, SYL_BF16, 1, 1, &again, &err));
    assert_ptr_equal(again.data, b.data);
    ok(syl_ctx_mat(own, SYL_F32, 700, 1000, &again, &err));
    assert_ptr_equal(again.data, c.data);
    assert_int_equal(syl_ctx_mat(own, SYL_F32, INT64_MAX, INT64_MAX, &again, &err), SYL_ENOMEM);
    ok(syl_ctx_mat(own, SYL_F32, 0, 5, &again, &err));
    syl_ctx_free(own);
    syl_ctx_free(NULL);
    assert_int_equal(syl_ctx_create(&own, 0, &err), SYL_EINVAL);
    assert_null(own);
}

/* What was given out keeps its place and its content however much is asked for after it. */
static void growth(void **state)
{
    enum { COUNT = 120, SIZE = 200000 };
    syl_ctx *own;
    syl_mat mats[COUNT];
    (void)state;
    ok(syl_ctx_create(&own, 1, &err));
    for (int i = 0; i < COUNT; i++) {
        ok(syl_ctx_mat(own, SYL_F32, 1, SIZE, &mats[i], &err));
        for (int j = 0; j < SIZE; j++)
            ((float *)mats[i].data)[j] = (float)i;
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < SIZE; j++)
            assert_true(((float *)mats[i].data)[j] == (float)i);
    syl_ctx_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_and_sizes),
        cmocka_unit_test(growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
