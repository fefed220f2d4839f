package device

import (
	"fmt"
	"strings"
)

// Late is the failure of work that was queued earlier and had not reported yet.
// Some call that comes after it, any call on the device, gives this error
// instead of its own. What that work should have written, and what was queued
// after it, is undefined: nothing that was computed on the device since the last
// call that waited for it (Sync, or a copy to the host) can be trusted.
type Late struct {
	Device string
	Work   []string // kernels and copies that were queued, each name once
	Err    error
}

// Error names the device and what may have failed.
func (e *Late) Error() string {
	const most = 8
	work := e.Work
	more := ""
	if len(work) > most {
		more = fmt.Sprintf(" and %d more", len(work)-most)
		work = work[:most]
	}
	among := "the work that was queued"
	if len(work) > 0 {
		among = fmt.Sprintf("one of %s%s", strings.Join(work, ", "), more)
	}
	return fmt.Sprintf("device %s: %s has failed: %v", e.Device, among, e.Err)
}

// Unwrap gives the device's own error.
func (e *Late) Unwrap() error { return e.Err }

// Distinct lists names once each, in the order of their first appearance: what was
// queued, for a [Late].
func Distinct(lists ...[]string) []string {
	seen := map[string]bool{}
	var once []string
	for _, names := range lists {
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				once = append(once, name)
			}
		}
	}
	return once
}
