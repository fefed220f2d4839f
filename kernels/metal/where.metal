// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.
DEVICE C BODY(where)(int condition, C input, C other) { return condition ? input : other; }
