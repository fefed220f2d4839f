// Package hooks carries what tests plant in a run (faults of files and drivers, other
// simulated devices) from the test to the place where it acts, inside the run's
// context. So the library's options have nothing that only tests use.
package hooks

import "context"

type key[T any] struct{}

// With gives a context with a hook, which its type identifies.
func With[T any](ctx context.Context, hook T) context.Context {
	return context.WithValue(ctx, key[T]{}, hook)
}

// Of gives the hook of a type; the zero value if the context has none.
func Of[T any](ctx context.Context) T {
	hook, _ := ctx.Value(key[T]{}).(T)
	return hook
}
