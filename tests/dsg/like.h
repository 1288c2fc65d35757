/* For programs that compare: the corpus that a model was trained on, as its numbers. */
#ifndef TESTS_DSG_LIKE_H
#define TESTS_DSG_LIKE_H

#include "embed/dsg_model.h"
#include "lib/io/documents.h"

/* The text at `path` by the model's preparation and vocabulary; format: lines or wikipedia. Ends
 * the program when that fails, as all here. */
syl_documents like_read(const syl_dsg_model *like, const char *path, const char *format);
/* Ends the program with an error's message. */
_Noreturn void like_stop(const syl_error *err);
/* Zeros. */
void *like_room(size_t count, size_t size);

#endif
