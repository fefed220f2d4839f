package engine

import "errors"

// seeNonFinite reads whether a loss wasn't finite.
func (r *runner) seeNonFinite() error {
	if r.record.NonFinite != 0 {
		return nil
	}
	if _, err := r.session.read(r.bad); err != nil {
		return err
	}
	r.record.NonFinite = r.bad.tensor.Int(0)
	r.diverged = r.diverged || r.watch != nil && r.watch.Loss && r.record.NonFinite != 0
	return nil
}

// tellNonFinite reports the first loss that wasn't finite, on an unlocked session.
func (r *runner) tellNonFinite() {
	if r.record.NonFinite == 0 || r.told {
		return
	}
	r.told = true
	if r.watch != nil { // the divergence says it, or TellSkipped
		return
	}
	if tell := r.loop.TellNonFinite; tell != nil {
		tell(r.record.NonFinite)
	}
}

// end waits for the devices, fills the summary and tells the observers.
func (r *runner) end() error {
	if err := r.session.sync(); err != nil {
		return err
	}
	if err := r.fill(); err != nil {
		return err
	}
	return joined(nil, r.last())
}

// joined adds errors to one that they aren't part of: a file that two observers write to
// fails once.
func joined(failure error, more []error) error {
	for _, err := range more {
		if err != nil && !errors.Is(failure, err) {
			failure = errors.Join(failure, err)
		}
	}
	return failure
}

// salvage ends a run that has failed, and adds further failures to the error. If the
// states can still be read, they are those after some step, and the observers that
// haven't failed get its record.
func (r *runner) salvage(failure error) error {
	if r.session.sync() != nil || r.recount() != nil || r.unsettled() != nil || r.fill() != nil {
		return failure // it says why the states can't be read
	}
	return joined(failure, r.last())
}

// recount reads the counter again after one of several steps has failed.
func (r *runner) recount() error {
	s := r.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if r.moved {
		return nil // by others: fill handles that
	}
	before := r.step
	err := r.count()
	r.summary.Steps += r.step - before
	return err
}

// last fills the summary, and gives the last record to the observers that haven't failed.
func (r *runner) last() (errs []error) {
	r.tellNonFinite()
	r.tellSkips()
	r.record.Last, r.record.Stopped = true, r.summary.Stopped
	r.summary.Step, r.summary.Elapsed = r.record.Step, r.record.Elapsed
	r.summary.Loss, r.summary.NoLoss = r.record.Loss, r.loss == nil
	r.summary.Metrics = append([]float64(nil), r.record.Metrics...)
	r.summary.Tensors = r.record.Tensors
	r.summary.Evaluated = r.record.Evaluated
	r.summary.NonFinite = r.record.NonFinite
	r.summary.Skipped = r.record.Skipped
	for i, o := range r.loop.Observers {
		if !r.failed[i] {
			errs = append(errs, o.Observe(r.record))
		}
	}
	return errs
}
