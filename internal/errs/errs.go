// Package errs joins errors.
package errs

import "errors"

// Join is errors.Join for errors that may be reported twice, as by a failed write and by
// the flush after it: one that is part of those before it is left out.
func Join(err error, more ...error) error {
	for _, e := range more {
		if e != nil && !errors.Is(err, e) {
			err = errors.Join(err, e)
		}
	}
	return err
}
