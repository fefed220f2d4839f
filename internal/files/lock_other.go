//go:build !windows && (!unix || solaris || aix)

package files

import (
	"errors"
	"os"
)

// lockFile does nothing: these systems have no lock that ends with the process.
func lockFile(*os.File) error { return errors.ErrUnsupported }
