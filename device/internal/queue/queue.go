// Package queue is what a driver knows of the work that it has queued: the names of
// what hasn't reported yet, and whose failure a failure is.
//
// A device that works later than it is told to can't fail the call that queued the
// work. So every name is noted before its work is queued and kept until something has
// waited for all of it; and when a call fails, the queue waits for what came before:
// if that went well, the failure is the call's own and nothing is in doubt, else it is
// a [device.Late] with the names. What is queued is bounded, so a host that never
// looks can't run ahead of its device until memory ends.
package queue

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
)

// Max is how much is queued at most: a step of many kernels fits.
const Max = 4096

// Queue is the work of one device. The driver's lock is held at each call.
type Queue struct {
	// Device is the device's name.
	Device string
	// Wait waits until all that was queued has ended. Its error is the failure of
	// some of that.
	Wait func() error
	// Idle is told that nothing is queued any more. It may be nil.
	Idle func()
	// Old tells whether a call's error is by itself the failure of something that was
	// queued before. It may be nil.
	Old func(err error) bool
	// Fail is shown the failure of something that was queued, and gives what is told
	// of it. It may be nil.
	Fail func(err error) error

	names [][]string // of what has been queued since the device was last known to be well
}

// Note notes what is about to be queued, and waits first if too much is. It keeps the
// slice.
func (q *Queue) Note(names []string) error {
	if len(q.names) == Max {
		if err := q.Finish(); err != nil {
			return err
		}
	}
	if q.names == nil {
		q.names = make([][]string, 0, Max)
	}
	q.names = append(q.names, names)
	return nil
}

// Len is how much has been noted since the device was last known to be well.
func (q *Queue) Len() int { return len(q.names) }

// Finish waits for all that is queued. The error is a [*device.Late].
func (q *Queue) Finish() error {
	if err := q.Wait(); err != nil {
		return q.Late(err)
	}
	q.Done()
	return nil
}

// Done notes that nothing is queued, and that all that was has ended well.
func (q *Queue) Done() {
	q.names = q.names[:0]
	if q.Idle != nil {
		q.Idle()
	}
}

// Late is the failure of something that was queued. Nothing is queued after it.
func (q *Queue) Late(err error) error {
	if q.Fail != nil {
		err = q.Fail(err)
	}
	late := &device.Late{Device: q.Device, Work: device.Distinct(q.names...), Err: err}
	q.Done()
	return late
}

// Failed decides whose failure the failure of a call is, which was for what.
func (q *Queue) Failed(what string, err error) error {
	if q.Old != nil && q.Old(err) {
		return q.Late(err)
	}
	if wait := q.Wait(); wait != nil {
		return q.Late(fmt.Errorf("%w, then %w", err, wait))
	}
	q.Done()
	return fmt.Errorf("device %s: %s: %w", q.Device, what, err)
}
