package data

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Batches are read ahead of their demand, as many as take about aheadBytes, and two at
// least: one that is used and one that is read.
const (
	aheadBytes = 16 << 20
	mostAhead  = 64
)

// mostReaders is how many goroutines read ahead at most. There is one, until a step has to
// wait: then there are as many more as it takes that none waits, or as there are cores.
const mostReaders = 4

// ahead reads batches in the background: those from base on, as many as there are slots.
type ahead struct {
	mu      sync.Mutex
	changed sync.Cond
	slots   []slot // the batch of a step is in slot step % len(slots)
	base    int64
	readers int
	closed  bool
	done    sync.WaitGroup // the readers
	waited  atomic.Int64   // nanoseconds
}

// slot is a place for a batch.
type slot struct {
	step    int64 // -1: none
	reading int64 // the step that is being read into it; -1: none
	fields  [][]byte
	err     error
}

// prepareSlots reserves the memory.
func (s *Source) prepareSlots() {
	s.chooser = s.newChooser()
	a := &s.ahead
	a.changed.L = &a.mu
	batch := int64(1)
	for _, f := range s.parts[0].fields {
		batch += int64(f.decl.Type.Bytes()) * s.batches.Most()
	}
	n := min(max(2, aheadBytes/batch), mostAhead)
	a.slots = make([]slot, n)
	for i := range a.slots {
		a.slots[i].step, a.slots[i].reading = -1, -1
	}
}

// errClosed is the error of a source that was closed.
var errClosed = errors.New("the data source is closed")

// Batch writes a field's batch of a step, counted from 0, into dst, as dense little-endian
// elements of the field's type: Size examples, or Remainder in the last batch of an epoch.
// dst must have exactly that size. The batches that follow are then read in the
// background; steps may be asked for in any order.
func (s *Source) Batch(step int64, field string, dst []byte) error {
	a := &s.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return errClosed
	}
	at := s.parts[0].index(field)
	if at < 0 {
		return fmt.Errorf("the data source %s has no field %q", s.decl.Name, field)
	}
	if err := s.inRange(step); err != nil {
		return err
	}
	_, _, count := s.batches.At(step)
	if need := count * int64(s.parts[0].fields[at].decl.Type.Bytes()); int64(len(dst)) != need {
		return fmt.Errorf("the field %s of %s: the batch of step %d has %d bytes, the buffer has %d", field, s.decl.Name, step, need, len(dst))
	}
	slot := s.wait(step)
	if a.closed {
		return errClosed
	}
	if err := slot.err; err != nil {
		slot.step, slot.err = -1, nil // whoever asks again reads again
		return err
	}
	copy(dst, slot.fields[at])
	return nil
}

// inRange says what is wrong with a step that there is no batch for.
func (s *Source) inRange(step int64) error {
	steps := s.Steps()
	if step >= 0 && (steps == 0 || step < steps) {
		return nil
	}
	if s.parts[0].whole {
		return fmt.Errorf("the data source %s: step %d is out of range: the file has %d steps (0 to %d); set max_steps: %d, or record more",
			s.decl.Name, step, steps, steps-1, steps)
	}
	return fmt.Errorf("the data source %s: step %d is out of range: it provides %d steps (0 to %d); set max_steps: %d, or repeat it more often",
		s.decl.Name, step, steps, steps-1, steps)
}

// wait gives the slot that has the batch of a step, once it has been read.
func (s *Source) wait(step int64) *slot {
	a := &s.ahead
	slot := &a.slots[step%int64(len(a.slots))]
	for first := true; !a.closed; first = false {
		follows := a.base == step-1 || a.base == step
		a.base = step
		a.changed.Broadcast() // there may be room now, or a batch to be read again
		if slot.step == step {
			break
		}
		if first && (a.readers == 0 || follows && a.readers < s.mostReaders()) {
			a.readers++
			a.done.Go(s.readAhead)
		}
		began := time.Now()
		a.changed.Wait()
		a.waited.Add(int64(time.Since(began)))
	}
	return slot
}

// mostReaders is how many goroutines may read ahead: one batch is used meanwhile.
func (s *Source) mostReaders() int {
	return min(mostReaders, runtime.GOMAXPROCS(0), len(s.ahead.slots)-1)
}

// next is the first step from base on whose batch nobody has read or reads; -1 if there is
// none.
func (s *Source) next() int64 {
	a := &s.ahead
	n := int64(len(a.slots))
	for step := a.base; step < a.base+n; step++ {
		if steps := s.Steps(); steps > 0 && step >= steps {
			break
		}
		if slot := &a.slots[step%n]; slot.step != step && slot.reading < 0 {
			return step
		}
	}
	return -1
}

// readAhead reads batches until the source is closed. While it reads into a slot, the slot
// has no step, so that nobody looks at it.
func (s *Source) readAhead() {
	a := &s.ahead
	var r reading
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed {
		step := s.next()
		if step < 0 {
			a.changed.Wait()
			continue
		}
		slot := &a.slots[step%int64(len(a.slots))]
		slot.step, slot.reading = -1, step
		if slot.fields == nil {
			for _, f := range s.parts[0].fields {
				slot.fields = append(slot.fields, make([]byte, s.batches.Most()*int64(f.decl.Type.Bytes())))
			}
		}
		a.mu.Unlock()
		err := s.read(&r, step, slot.fields)
		if err == nil {
			err = s.checkBounds(&r, slot.fields)
		}
		a.mu.Lock()
		slot.step, slot.reading, slot.err = step, -1, err
		a.changed.Broadcast()
	}
}

// stop ends reading ahead, and waits for it to end.
func (a *ahead) stop() {
	a.mu.Lock()
	a.closed = true
	if a.changed.L != nil {
		a.changed.Broadcast()
	}
	a.mu.Unlock()
	a.done.Wait()
}
