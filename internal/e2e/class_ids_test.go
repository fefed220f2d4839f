package e2e_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/runtest"
)

// takesClassIDs are the losses and metrics whose targets are ids of classes, with ignored
// ids that an u8 can't have, and one that it can.
var takesClassIDs = []string{
	"cross_entropy(logits, t)", "cross_entropy(logits, t, ignore_index=3)", "cross_entropy(logits, t, ignore_index=300)",
	"cross_entropy(logits, t, label_smoothing=0.1)",
	"accuracy(logits, t)", "accuracy(logits, t, ignore_index=3)", "top_k_accuracy(logits, t, k=3)", "top_k_accuracy(logits, t, k=3, ignore_index=-1)",
	"precision(logits, t)", "recall(logits, t, ignore_index=3)", "f1(logits, t, average='weighted')", "sum(f1(logits, t, average='none') * arange(CLASSES))",
	"perplexity(logits, t)", "sum(confusion_matrix(logits, t) * arange(CLASSES))", "sum(bincount(t, CLASSES) * arange(CLASSES))",
	"sum(one_hot(t, CLASSES) * logits)", "sum(gather(logits, -1, unsqueeze(t, -1)))",
	"accuracy(sum(logits, -1), t % 2)", "auc(sum(logits, -1), t % 2)", "f1(sum(logits, -1), t % 2)",
}

// The ids of images' classes are bytes in their files. 300 classes are more than u8 has
// values, and 100 more than half.
func TestClassIDsMayHaveAnyIntegerType(t *testing.T) {
	for _, classes := range []int{2, 5, 100, 300} {
		t.Run(fmt.Sprint(classes), func(t *testing.T) {
			values := func(dtype string) []float64 {
				var metrics []string
				for i, m := range takesClassIDs {
					if classes < 3 && strings.Contains(m, "k=3") {
						m = "accuracy(logits, t)"
					}
					metrics = append(metrics, fmt.Sprintf("m%d: \"%s\"", i, strings.ReplaceAll(m, "CLASSES", fmt.Sprint(classes))))
				}
				s := runtest.Started(t, inFile(t, "ids.yaml", fmt.Sprintf(`flowrun: 1
seed: 3
data:
  d:
    generate:
      x: "uniform(-1, 1, [64, 3])"
      t: "cast(randint(0, %d, [64]), '%s')"
model:
  inputs: {x: "f32[batch, 3]"}
  nodes:
    logits: {Linear: x, out_features: %d}
  outputs: [logits]
train:
  data: d
  loss: cross_entropy(logits, t)
  optimizer: {SGD: {lr: 0.5}}
  metrics: {%s}
`, min(classes, 128), dtype, classes, strings.Join(metrics, ", ")), []string{"max_steps: 2"}), flowrun.On("cpu"))
				summary, _ := runtest.Ran(t, s, 0)
				return append(summary.Metrics, summary.Loss)
			}
			want := values("i64")
			for i, v := range want {
				require.False(t, math.IsNaN(v) && i < len(takesClassIDs), "%s", takesClassIDs[min(i, len(takesClassIDs)-1)])
			}
			for _, dtype := range []string{"u8", "i32"} {
				require.Equal(t, want, values(dtype), dtype)
			}
		})
	}
}
