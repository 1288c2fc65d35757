/* Threads that answer a question each and compute together: where all of them have come to a step,
 * the steps through the same weights become one. So a model that is read from memory for every
 * token is read once for several questions, and the code of a question stays as it is alone. */
#ifndef SYL_EMBED_SENT_TEAM_H
#define SYL_EMBED_SENT_TEAM_H

#include "embed/sent/steps.h"

typedef struct syl_team syl_team;

/* Of `members`, which compute in one context of `threads`. */
syl_status syl_team_create(syl_team **out, const syl_reasoner *model, int members, int threads,
                           syl_error *err);
void syl_team_free(syl_team *team);

/* Called by a member: returns once the step has been made, together with everybody's. */
void syl_team_step(syl_team *team, syl_step *step);
/* A member goes; the others no longer wait for it. Each member leaves once. */
void syl_team_leave(syl_team *team);

#endif
