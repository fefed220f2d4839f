// Package trial looks for a driver's devices in a separate process first, so that a driver
// that aborts, crashes, hangs or exits during discovery can't take this process with it.
//
// The separate process runs the program's own file. It recognizes its purpose by its
// arguments, does its work during package initialization, and exits before main. So trials
// work in any program that imports the package, including tests. If the program can't be
// started again (a C library, a plugin, a system without /proc), there is no trial, and
// discovery runs in this process as if the trial had passed.
//
// The result is cached, also on disk, until something changes that it depends on
// ([fingerprint]), and for a day at most. So a program pays for a trial only once, and a
// crashing driver isn't tried at every start.
package trial
