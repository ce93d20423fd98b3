# R 4.2.2: James's blinding index as it is printed (1996), and its error by the slope of differences.
# Guesses treated, placebo, none of the treated; then of the control.
for (x in list(c(48, 4, 330, 22, 30, 319), c(5, 1, 6, 2, 2, 2), c(9, 8, 1, 7, 9, 3))) {
  x <- matrix(x, 3, 2)
  w <- matrix(c(0, .5, .5, 0), 2, 2)
  james <- function(p) { p <- p / sum(p); dk <- sum(p[3, ]); k <- p[1:2, ]
    do <- sum(w * k) / (1 - dk)
    de <- sum(w * outer(rowSums(k), colSums(k))) / (1 - dk)^2
    (1 + dk + (1 - dk) * (do - de) / de) / 2 }
  g <- sapply(1:6, function(i) { h <- 1e-6; a <- b <- x / sum(x); a[i] <- a[i] + h; b[i] <- b[i] - h
    (james(a) - james(b)) / (2 * h) })
  p <- x / sum(x)
  cat(format(c(james(x), sqrt((sum(p * g^2) - sum(p * g)^2) / sum(x))), digits = 12), "\n")
}
# 0.8964143426295 0.0109175770074
# 0.625603864734 0.114868713350
# 0.5131415819489 0.0820269610759
