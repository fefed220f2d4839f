package engine

import (
	"context"
	"fmt"

	"github.com/flowrun/flowrun/ir"
)

// Feed runs steps, each of which takes inputs from the host and leaves a state there: what
// a generation does for each token. After the first few, a step allocates nothing.
type Feed struct {
	session *Session
	inputs  []feedInput
	output  *probe
}

type feedInput struct {
	transfer
	tensor *ir.Tensor
}

// Feed prepares steps that take these inputs and give this state.
func (s *Session) Feed(output string, inputs ...string) (*Feed, error) {
	if err := s.lock(); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	f := &Feed{session: s}
	for _, name := range inputs {
		st := s.plan.Graph.State(name)
		if st == nil || st.Kind != ir.InputState {
			return nil, fmt.Errorf("engine: there is no input %s", name)
		}
		t, err := s.transferTo(int32(st.Read.ID))
		if err != nil {
			return nil, err
		}
		f.inputs = append(f.inputs, feedInput{t, ir.NewTensor(st.Type)})
	}
	var err error
	f.output, err = s.probe(output)
	return f, err
}

// Input is the tensor that steps take as the i-th input. It is written between two steps.
func (f *Feed) Input(i int) *ir.Tensor { return f.inputs[i].tensor }

// Output is the state that the last step has left. The next one overwrites it.
func (f *Feed) Output() *ir.Tensor { return f.output.tensor }

// Step sets the inputs and runs a step. If it fails before its first write to another
// state, it may be tried again. The end of the context ends it between the positions of a
// scan.
func (f *Feed) Step(ctx context.Context) error {
	s := f.session
	if err := s.lock(); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.tapes.touched()
	for i := range f.inputs {
		if err := s.transfer(&f.inputs[i].transfer, f.inputs[i].tensor.Data); err != nil {
			return err
		}
	}
	s.options.halt.on(ctx)
	defer s.options.halt.off()
	if err := s.step(); err != nil {
		return haltedBy(ctx, err)
	}
	if f.output.copy == nil { // the state's own memory, which a step may still be writing
		return s.waitFor(f.output.space)
	}
	_, err := s.read(f.output)
	return err
}

// waitFor waits for a device.
func (s *Session) waitFor(space int) error { return s.faults.blame(s.devices[space].Sync()) }
