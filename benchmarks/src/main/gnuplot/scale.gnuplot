# Draws scale.svg from scale.dat, both in `directory`. Columns: guests connected, guests that talk,
# addresses known, sent to all of them (1) or one (0), frames per second, ns of CPU per frame.
set terminal svg size 900,620 font 'sans-serif,11' background 'white'
set output directory.'/scale.svg'
set multiplot layout 2,2
set border 3 lc rgb '#888888'
set tics nomirror
set grid ytics back lt 1 lc rgb '#dddddd'
set yrange [0:*]
set key bottom left reverse Left samplen 2
# Rows of the other curve do not break the line.
set datafile missing NaN
data = directory.'/scale.dat'

set logscale x 2
set xrange [1.5:700]
set xlabel 'guests connected'
set title 'backend CPU, ns/frame'
plot data index 0 using ($2 == 2 ? $1 : NaN):6 with linespoints pt 7 lw 2 lc rgb '#4477aa' title 'two talk', \
     data index 0 using ($1 == $2 ? $1 : NaN):6 with linespoints pt 5 lw 2 lc rgb '#ddaa33' title 'all talk'
set title 'frames/s'
set format y '%.1s%c'
plot data index 0 using ($2 == 2 ? $1 : NaN):5 with linespoints pt 7 lw 2 lc rgb '#4477aa' title 'two talk', \
     data index 0 using ($1 == $2 ? $1 : NaN):5 with linespoints pt 5 lw 2 lc rgb '#ddaa33' title 'all talk'

set logscale x 10
set xrange [5:200000]
set format x '10^{%L}'
set xlabel 'addresses known'
set title 'backend CPU, ns/frame'
set format y '%g'
plot data index 1 using ($4 == 0 ? $3 : NaN):6 with linespoints pt 7 lw 2 lc rgb '#4477aa' title 'sent to one', \
     data index 1 using ($4 == 1 ? $3 : NaN):6 with linespoints pt 5 lw 2 lc rgb '#ddaa33' title 'sent to all, at random'
set title 'frames/s'
set format y '%.1s%c'
plot data index 1 using ($4 == 0 ? $3 : NaN):5 with linespoints pt 7 lw 2 lc rgb '#4477aa' title 'sent to one', \
     data index 1 using ($4 == 1 ? $3 : NaN):5 with linespoints pt 5 lw 2 lc rgb '#ddaa33' title 'sent to all, at random'
