/* The norm that divides speech from silence, followed while training (Cho et al. 2025): the point
 * where the Gaussians of the norms of both are equally likely. */
#ifndef SYL_TRAIN_SYLBER_THRESHOLDER_H
#define SYL_TRAIN_SYLBER_THRESHOLDER_H

/* Kept in checkpoints as it stands. */
typedef struct syl_thresholder {
    float signal_mean, signal_variance, noise_mean, noise_variance;
    float decay; /* of the averages, at each update */
} syl_thresholder;

/* The released configuration's start: 6.10, 0.87, 0.34, 0.34, decay .9999. */
syl_thresholder syl_thresholder_released(void);

/* The norm at which both Gaussians are equally likely, between their means. */
double syl_thresholder_value(const syl_thresholder *t);

/* Norms of one kind, added up: as doubles, so that ranks can add up theirs. */
typedef struct syl_norm_sums {
    double count, sum, squares;
} syl_norm_sums;

void syl_norm_sums_add(syl_norm_sums *sums, double norm);

/* Moves the averages towards the mean and variance of those norms; nothing for none. */
void syl_thresholder_update_signal(syl_thresholder *t, const syl_norm_sums *sums);
void syl_thresholder_update_noise(syl_thresholder *t, const syl_norm_sums *sums);

#endif
