/* Names of this program's own functions. */
#ifndef SYL_TESTS_PTX_SYMBOLS_H
#define SYL_TESTS_PTX_SYMBOLS_H

#ifdef __cplusplus
extern "C" {
#endif

/* The symbol of the function that begins at an address, static ones too; NULL when the program was
 * stripped. Lives as long as the program. */
const char *ptx_symbol_of(const void *function);

#ifdef __cplusplus
}
#endif

#endif
