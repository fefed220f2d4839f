package cpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Large kernels are split into parts that run side by side. The parts write different
// elements, and each element is computed as it would be without parts, so a result
// doesn't depend on how many there are, nor on who runs them.

// PartCost is what a part must cost on one core to be worth a thread: several times what it
// takes to wake one.
const PartCost = 20 * time.Microsecond

// anyCost makes tests split whatever can be split, into as many parts as Args.Threads says.
var anyCost bool

// parts is how many parts to make of work that costs so many nanoseconds, of at most limit.
func (a *Args) parts(cost float64, limit int) int {
	if anyCost {
		return max(1, min(a.Threads, limit))
	}
	threads := runtime.GOMAXPROCS(0)
	if a.Threads > 0 {
		threads = min(threads, a.Threads)
	}
	return max(1, min(int(cost/float64(PartCost.Nanoseconds())), threads, limit))
}

// parallel binds f, on ranges that cover 0 to n-1, to be run in parts if all of it costs
// enough nanoseconds. A range's ends, but for n, are multiples of grain.
func (a *Args) parallel(n, grain int, cost float64, f func(from, to int)) func() {
	units := (n + grain - 1) / grain
	parts := a.parts(cost, units)
	if parts <= 1 {
		return func() { f(0, n) }
	}
	part := func(i int) { f(units*i/parts*grain, min(units*(i+1)/parts*grain, n)) }
	return func() { inParts(parts, part) }
}

// inParts calls f for 0 to parts-1, on several threads unless they are at work already. It
// allocates nothing.
func inParts(parts int, f func(part int)) {
	if parts <= 1 || !crew.busy.TryLock() {
		for i := range parts {
			f(i)
		}
		return
	}
	defer crew.busy.Unlock()
	crew.run(parts, f)
}

// crew runs parts. Its goroutines end with the work: there is nothing to close, and Go
// keeps ended ones for the next. One that hasn't come to run when its work is done isn't
// replaced for the next, so there are never more than the most parts, and starting them
// comes to allocate nothing.
var crew = newTeam()

type team struct {
	busy sync.Mutex // held by the one whose parts are run

	f        func(part int)
	parts    int64
	left     atomic.Int64 // parts that nobody has begun; set after all else
	done     atomic.Int64
	helpers  atomic.Int64  // goroutines that haven't ended
	finished chan struct{} // receives if the last part to end isn't the caller's
	panicked atomic.Pointer[error]
	help     func()
}

func newTeam() *team {
	t := &team{finished: make(chan struct{}, 1)}
	t.help = func() {
		for {
			if t.work() {
				t.finished <- struct{}{}
			}
			// Work that came before this one was off the count has counted on it.
			if t.helpers.Add(-1); t.left.Load() <= 0 {
				return
			}
			t.helpers.Add(1)
		}
	}
	return t
}

func (t *team) run(parts int, f func(part int)) {
	t.f, t.parts = f, int64(parts)
	t.done.Store(0)
	t.left.Store(int64(parts))
	for have := t.helpers.Load(); have < t.parts-1; have++ {
		t.helpers.Add(1)
		go t.help()
	}
	if !t.work() {
		<-t.finished
	}
	t.f = nil
	if err := t.panicked.Swap(nil); err != nil {
		panic(*err)
	}
}

// work runs parts until none is left, and reports whether it ended the last one. One that
// comes late finds nothing, or helps with what came next: while a part is left, all else
// is in place.
func (t *team) work() (last bool) {
	for {
		left := t.left.Load()
		if left <= 0 {
			return last
		}
		if !t.left.CompareAndSwap(left, left-1) {
			continue
		}
		parts := t.parts
		t.one(int(parts - left))
		last = t.done.Add(1) == parts
	}
}

// one runs a part. If that panics, so does the caller once all parts have ended: a panic of
// another goroutine would end the process, where a server's handlers recover from theirs,
// and one before that would leave parts at work.
func (t *team) one(part int) {
	defer func() {
		if r := recover(); r != nil {
			err := fmt.Errorf("%v, in a part of a kernel\n\n%s", r, debug.Stack())
			t.panicked.Store(&err)
		}
	}()
	t.f(part)
}
