// Package trial looks for a driver's devices in a process of its own, before this one
// does: a driver that aborts, crashes, hangs or ends the process while it is asked for its
// devices then takes nobody with it.
//
// The process is the program's own file, started anew. It knows by its arguments what it
// is for, does that while packages are initialised, and ends: main is never reached. So
// this works in any program that imports the package, in tests too. Where the program
// can't be started anew (a library in C's sense, a plugin, a system without /proc), there
// is no trial, and drivers are asked in this process as if it had gone well.
//
// What came of it is remembered, on disk too, for as long as nothing that it depends on
// has changed ([fingerprint]) and for a day at most; so a program pays for a trial once,
// and a driver that died isn't tried at every start.
package trial
