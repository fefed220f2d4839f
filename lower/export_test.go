package lower

// SimplifyBy is what the pass simplify does, with any rewrites.
var SimplifyBy = simplifyBy
