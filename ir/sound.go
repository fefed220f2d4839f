package ir

// Trained reports whether training goes on from what a state holds: it is a parameter, or
// what a module or an optimizer keeps.
func (s *State) Trained() bool {
	return s.Kind == ParamState || s.Kind == BufferState || s.Kind == OptimState
}

// Sound reports whether training may go on from what a state holds. NaN is never sound.
// Infinity is in what modules keep, as running maxima begin with it, and elsewhere only
// where it was when the run began.
func (s *State) Sound(nan, infinite, atFirst bool) bool {
	return !s.Trained() || !nan && (!infinite || atFirst || s.Kind == BufferState)
}
