//go:build nogpu || !linux || !amd64

package cuda

import "errors"

var errPlatform = errors.New("the fake is for Linux on amd64")

func open(string) error { return errPlatform }

// probe returns an error: tests on real GPUs are for Linux, too.
func probe(string) error { return errPlatform }
