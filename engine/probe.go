package engine

import (
	"fmt"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// probe reads a scalar state after a step.
type probe struct {
	tensor *ir.Tensor
	space  int
	copy   device.Command // nil if tensor is the state's own memory
}

func (s *Session) probe(name string) (*probe, error) {
	st := s.plan.Graph.State(name)
	if st == nil {
		return nil, fmt.Errorf("engine: there is no state %s", diag.Cut(name))
	}
	if len(st.Type.Shape) != 0 {
		return nil, fmt.Errorf("engine: %s is %s, not a scalar", name, st.Type)
	}
	home := s.memory.slice(int32(st.Read.ID))
	p := &probe{space: st.Home}
	if host := home.Host(); host != nil {
		p.tensor = &ir.Tensor{Type: st.Type, Data: host}
		return p, nil
	}
	p.tensor = ir.NewTensor(st.Type)
	var err error
	p.copy, err = s.devices[st.Home].BindToHost(p.tensor.Data, home)
	return p, err
}

// read gives the state's current value.
func (s *Session) read(p *probe) (float64, error) {
	if p.copy != nil {
		if err := p.copy.Run(); err != nil {
			return 0, s.faults.blame(err)
		}
		s.stats.copied(p.space, 0, len(p.tensor.Data))
	}
	return p.tensor.Float(0), nil
}
