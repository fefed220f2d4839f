// Package learned finds what belongs to weights and comes from the data that they are
// trained on: lists of classes, vocabularies, means, standard deviations, values that take
// the place of missing ones. It is kept with the weights as JSON, and used for whatever
// other data they are applied to.
//
// Means, standard deviations and medians are those of the values that are there, before
// missing ones are filled in. The variance is the population's: the mean of the squared
// distances from the mean, as scikit-learn's StandardScaler has it, and not torch.std's
// with n-1. Where all values are equal, nothing is divided.
package learned
