//go:build !nogpu && (amd64 || arm64)

package metal

import (
	"errors"

	"github.com/ebitengine/purego"
)

// metalLibrary is the fake that tests have opened before, if any: it isn't looked up on
// disk.
const (
	metalLibrary  = "libflowrun-metal.so"
	ifOpenAlready = 4 // RTLD_NOLOAD
)

var alsoNeeded []string

func openModule(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|ifOpenAlready)
}

// Libraries returns none: only what tests have opened is used.
func Libraries() []string { return nil }

func libraryOf(function) string { return metalLibrary }

func missing(string, error) error {
	return errors.New("not available on Linux: Metal is part of macOS")
}
