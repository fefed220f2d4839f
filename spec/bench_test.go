package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/spec"
)

// BenchmarkValidateDeep checks a transformer of so many blocks: 50,000 nodes in
// less than 3 s, and in proportion to their number.
func BenchmarkValidateDeep(b *testing.B) {
	for _, layers := range []int{18, 75, 225} {
		src := []byte(strings.Replace(transformer, "LAYERS", fmt.Sprint(layers), 1))
		b.Run(fmt.Sprint(layers), func(b *testing.B) {
			nodes := 0
			for b.Loop() {
				p, list := spec.Parse("deep.yaml", src, spec.Options{})
				if list.HasErrors() {
					b.Fatal(list.Text())
				}
				nodes = len(p.Train.Nodes)
			}
			b.ReportMetric(float64(nodes), "nodes")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
		})
	}
}

const transformer = `
flowrun: 1
vars: {layers: LAYERS}
data:
  words:
    generate:
      ids: randint(0, 65, [2, 16])
      target: randint(0, 65, [2, 16])
modules:
  Attention:
    inputs: {x: "float[batch, time, width]"}
    nodes:
      q: {Linear: x, out_features: width}
      k: {Linear: x, out_features: width}
      v: {Linear: x, out_features: width}
      a: softmax(matmul(q, transpose(k)) / sqrt(width), -1)
      out: {Linear: "matmul(a, v)", out_features: width}
    output: out
  Block:
    inputs: {x: "float[batch, time, width]"}
    nodes:
      n1: {LayerNorm: x}
      r: x + Attention(n1)
      n2: {LayerNorm: r}
      h: {Linear: n2, out_features: 4 * width}
      m: {Linear: gelu(h), out_features: width}
      out: r + m
    output: out
model:
  inputs: {ids: "i32[batch, time]"}
  nodes:
    e: {Embedding: ids, num_embeddings: 65, embedding_dim: 32}
    h: {Block: e, repeat: layers}
    o: {Linear: h, out_features: 65}
  outputs: [o]
train:
  data: words
  loss: cross_entropy(reshape(o, [32, 65]), reshape(target, [32]))
  optimizer: {AdamW: {lr: 0.001}}
  max_steps: 10
`
