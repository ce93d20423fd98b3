# R 4.2.2, package stats. Power of two arms of 9:9, 12:6, 15:3 and 18:0 where 9:9 has 0.8.
n <- rbind(c(9, 9), c(12, 6), c(15, 3), c(18, 0))
i <- n[, 1] * n[, 2] / 18 / (18 / 4)
print(pnorm((qnorm(.975) + qnorm(.8)) * sqrt(i) - qnorm(.975)), digits = 10)
# [1] 0.8000000000 0.7521894886 0.5510103265 0.0250000000
