#!/bin/sh
# Measures error rates of receiver.onnx beside classical receivers: sh measure.sh [path of napscope [name of a measurement]...]
#
# Slots are drawn as in training but with another seed, so none of them was seen; what else is different stands in each line. All
# receivers of a line see the same slots. Writes results/*.csv (with 95 % intervals) and results/*.svg.
set -eu
cd "$(dirname "$0")"
napscope=${1:-napscope}
[ $# -gt 0 ] && shift
only=$*
slots=${SLOTS:-640}
mkdir -p results

# measure NAME FLAGS...: one figure and one table, of a coded link in 16-QAM
measure() {
    name=$1
    shift
    case " ${only:-$name} " in *" $name "*) ;; *) return 0 ;; esac
    echo "$name" >&2
    "$napscope" link ber --modulation 16qam --target-coderate 658/1024 --seed 20261124 --target-block-errors 0 \
        --receiver "$receivers" "$@" --force --quiet -o "results/$name.svg" -o "results/$name.csv" > /dev/null
}

receivers="receiver.onnx,ls_linear,lmmse_estimated,lmmse,perfect_csi"
size="--num-prb 6 --max-slots $slots"
channels="--channel tdl-b,tdl-c,tdl-d"
spread="--delay-spread 10ns..300ns"
doppler="--max-doppler 0..500"

# shellcheck disable=SC2086
for additional in 0 1; do
    dmrs="$((additional + 1))_dmrs"
    link="$size $channels --dmrs-additional-position $additional"
    measure "snr_$dmrs" $link $spread $doppler --snr-db -4..32 --snr-step 4
    measure "fast_$dmrs" $link $spread --speed 50..135km/h --snr-db 0..32
    measure "slow_$dmrs" $link $spread --speed 0..5km/h --snr-db 0..24
    measure "over_speed_$dmrs" $link $spread --snr-db 14 --over speed --speed 0..135km/h --points 7
    measure "over_delay_spread_$dmrs" $link $doppler --snr-db 14 --over delay_spread --delay-spread 10ns..300ns --points 7
done

# What a receiver that was tuned to the test would not pass.
# shellcheck disable=SC2086
{
    measure other_channels $size --channel tdl-a,tdl-e $spread $doppler --snr-db 0..24 --snr-step 4
    measure other_size --num-prb 26 --max-slots "$((slots / 4))" $channels $spread $doppler --snr-db 0..24 --snr-step 4
    measure other_scrambling $size $channels $spread $doppler --n-id 777 --snr-db 0..24 --snr-step 4
    receivers="receiver.onnx"
    for offset in -3 -1 1 3; do
        receivers="$receivers,receiver.onnx:noise_offset_db=$offset"
    done
    measure wrong_noise $size $channels $spread $doppler --snr-db 0..24 --snr-step 4
}

# Beyond the training.
receivers="receiver.onnx,ls_linear,lmmse_estimated,lmmse,perfect_csi"
# shellcheck disable=SC2086
{
    link="$size $channels --snr-db 14"
    measure beyond_speed $link $spread --over max_doppler --max-doppler 500..2000 --points 4
    measure beyond_delay_spread $link $doppler --over delay_spread --delay-spread 300ns..1200ns --points 4
    measure beyond_interference $link $spread $doppler --over co_channel_sir_db --co-channel-sir-db 0..30 --points 4
}
