// Package queue tracks the work that a driver has queued: the names of work that hasn't
// reported yet, and which work a failure belongs to.
//
// An asynchronous device can't fail the call that queued the work. So each name is noted
// before its work is queued, and kept until something has waited for it. When a call
// fails, the queue waits for the earlier work: if that succeeded, the failure is the
// call's own, otherwise it is a [device.Late] with the names. The number of queued items
// is bounded, so that a host that never waits doesn't exhaust memory.
package queue

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
)

// Max is the limit of queued items: enough for a step of many kernels.
const Max = 4096

// Queue is the queued work of one device. The driver's lock is held during each call.
type Queue struct {
	// Device is the device's name.
	Device string
	// Wait waits until all queued work has ended. Its error is the failure of some of
	// that work.
	Wait func() error
	// Idle is called when nothing is queued any more. It may be nil.
	Idle func()
	// Old reports whether a call's error is certainly the failure of earlier work. It may
	// be nil.
	Old func(err error) bool
	// Fail is called with a failure of queued work, and returns the error to report. It
	// may be nil.
	Fail func(err error) error

	names [][]string // of work queued since the last successful wait
}

// Note records work about to be queued, and waits first if too much is. It keeps the
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

// Len is the amount of work noted since the last successful wait.
func (q *Queue) Len() int { return len(q.names) }

// Finish waits for all queued work. Its error is a [*device.Late].
func (q *Queue) Finish() error {
	if err := q.Wait(); err != nil {
		return q.Late(err)
	}
	q.Done()
	return nil
}

// Done records that all queued work has ended successfully.
func (q *Queue) Done() {
	q.names = q.names[:0]
	if q.Idle != nil {
		q.Idle()
	}
}

// Late returns the error for a failure of queued work. Nothing is queued afterwards.
func (q *Queue) Late(err error) error {
	if q.Fail != nil {
		err = q.Fail(err)
	}
	late := &device.Late{Device: q.Device, Work: device.Distinct(q.names...), Err: err}
	q.Done()
	return late
}

// Failed returns the error for a failed call: its own, or a [*device.Late] if earlier
// work failed.
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
