// Package errs joins errors.
package errs

import (
	"errors"
	"slices"
)

// Join is errors.Join for errors that may be reported twice, as by a failed write and by
// the flush after it: one that is part of those before it, or has the text of one of them,
// is left out, also if it comes joined with others.
func Join(err error, more ...error) error {
	told := parts(err)
	for _, e := range more {
		for _, part := range parts(e) {
			if errors.Is(err, part) || slices.ContainsFunc(told, func(known error) bool { return known.Error() == part.Error() }) {
				continue
			}
			told = append(told, part)
			err = errors.Join(err, part)
		}
	}
	return err
}

// parts are the errors that errors.Join has made one of.
func parts(err error) (all []error) {
	if err == nil {
		return nil
	}
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return []error{err}
	}
	text := ""
	for _, part := range joined.Unwrap() {
		text += "\n" + part.Error()
		all = append(all, parts(part)...)
	}
	if text != "\n"+err.Error() { // it says more than its parts
		return []error{err}
	}
	return all
}
