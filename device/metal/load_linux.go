//go:build !nogpu && (amd64 || arm64)

package metal

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// metalLibrary is what tests have opened before, if anything is there: it isn't
// looked for on disk.
const (
	metalLibrary  = "libflowrun-metal.so"
	ifOpenAlready = 4 // RTLD_NOLOAD
)

var alsoNeeded []string

func openModule(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|ifOpenAlready)
}

// Libraries names none: what tests have opened is all that there may be.
func Libraries() []string { return nil }

func libraryOf(function) string { return metalLibrary }

func missing(string, error) error {
	return fmt.Errorf("Metal is not available on Linux: it is part of macOS")
}
