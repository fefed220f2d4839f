package engine

import (
	"sync"

	"github.com/flowrun/flowrun/ir"
)

// Beginning knows which states held infinity when the run began: they may hold it. Where
// it is nil, none did. Its methods may be called at any time.
type Beginning struct {
	lock     sync.RWMutex
	infinite map[string]bool
}

// NewBeginning looks at the values that a run begins with.
func NewBeginning(states []*ir.State, values map[string]*ir.Tensor) *Beginning {
	b := &Beginning{}
	for _, st := range states {
		if t := values[st.Name]; t != nil && st.Trained() {
			_, infinite := t.NonFinite()
			b.note(st, infinite)
		}
	}
	return b
}

// note says whether a state holds infinity as a run begins.
func (b *Beginning) note(st *ir.State, infinite bool) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.infinite == nil {
		b.infinite = map[string]bool{}
	}
	b.infinite[st.Name] = infinite
}

// Sound reports whether a run may go on from what a state holds.
func (b *Beginning) Sound(st *ir.State, nan, infinite bool) bool {
	if b == nil {
		return st.Sound(nan, infinite, false)
	}
	b.lock.RLock()
	defer b.lock.RUnlock()
	return st.Sound(nan, infinite, b.infinite[st.Name])
}

// Unsound names the first of the states whose value a run may not go on from; "" if there
// is none. Those without a value don't count.
func (b *Beginning) Unsound(states []*ir.State, values map[string]*ir.Tensor) string {
	for _, st := range states {
		if t := values[st.Name]; t != nil && st.Trained() {
			if nan, infinite := t.NonFinite(); !b.Sound(st, nan, infinite) {
				return st.Name
			}
		}
	}
	return ""
}
