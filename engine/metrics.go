package engine

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// fillMetrics reads the metrics, into memory that is the observers' to keep.
func (r *runner) fillMetrics() (err error) {
	r.record.Metrics = make([]float64, len(r.metrics)+len(r.evaluated))
	r.record.Tensors = nil
	if e := r.loop.Evaluation; e != nil {
		r.record.Evaluated = e.known()
	}
	tensor := func(i int, t *ir.Tensor) {
		if r.record.Tensors == nil {
			r.record.Tensors = make([]*ir.Tensor, len(r.record.Metrics))
		}
		r.record.Metrics[i], r.record.Tensors[i] = math.NaN(), t
	}
	for i, p := range r.metrics {
		if r.record.Metrics[i], err = r.session.read(p); err != nil {
			return err
		}
		if !p.isScalar() {
			tensor(i, p.tensor.Clone())
		}
	}
	for i, t := range r.evaluated {
		i += len(r.metrics)
		if len(t.Type.Shape) > 0 {
			tensor(i, t)
		} else {
			r.record.Metrics[i] = t.Float(0)
		}
	}
	return nil
}

// isScalar reports whether a metric is a scalar.
func (r *runner) isScalar(metric int) bool {
	if metric < len(r.metrics) {
		return r.metrics[metric].isScalar()
	}
	return len(r.evaluated[metric-len(r.metrics)].Type.Shape) == 0
}
