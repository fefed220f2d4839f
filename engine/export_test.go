package engine

import "github.com/flowrun/flowrun/ir"

// Handle stands for a state or a node.
type Handle int32

// Lookup finds a state or a node by its name: a parameter, "metrics.loss", a
// node of the model.
func (s *Session) Lookup(name string) (Handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.names.find(name)
	return Handle(h), err
}

// Demand brings the value of a handle up to date on its device. If nothing is out
// of date, that costs a few comparisons, whatever the size of the graph.
func (s *Session) Demand(h Handle) error {
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return s.demandKept(int32(h))
}

// Set writes a state. Everything that depends on it is out of date afterwards,
// including its copies on other devices.
func (s *Session) Set(name string, t *ir.Tensor) error {
	return s.SetAll(map[string]*ir.Tensor{name: t})
}

// LatestGood is the copy of the latest sound states that the run in progress has.
func LatestGood(s *Session) any { return s.runner.watch.good }
