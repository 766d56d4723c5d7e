#!/usr/bin/env bash
# make_data.sh   remakes data/: the simulated study of the demonstration, and PLINK's answers to it
#
# NAME.bed .bim .fam   three institutions; A and B have the phenotype in the .fam (2 case, 1 control),
# C.pheno.tsv          C in a table of its own (1 case, 0 control, NA); a few people have none
# sites.tsv            the site list: two autosomes, X, Y and MT
# causal.tsv           the two variants that do something
# peak.ids             200 variants around the strongest association within institutions
# pooled.*.gz          PLINK 1.9 on everybody together, who are not stored: A, then B, then C
#   freq.frqx          genotype counts of people with a phenotype
#   counts.assoc       allele counts of cases and controls
#   ci.assoc           allelic test with odds ratio and 95 % interval
#   model              trend and genotypic tests, of any number of people in a cell
#   cmh                Cochran-Mantel-Haenszel with the institutions as strata
#   r.ld r2.ld         r and r2 of the variants of peak.ids in a window of 50
# Made with PLINK 1.90b6.26, msprime 1.4.4, numpy 2.4.6; other versions may draw other people.
set -euo pipefail
cd "$(dirname "$0")"
data=$PWD/data
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
"${PYTHON:-python3}" - "$work" <<'EOF'
import sys
from pathlib import Path

from mpcgen.simulate import simulate

simulate(
    Path(sys.argv[1]), people=840, shares=(320, 280, 240), variants=2500, autosomes=2,
    sex_chromosomes=True, causal=2, heritability=0.3, stratification=0.25, missing=0.01,
    missing_phenotype=0.01, seed=19,
)
EOF
cd "$work"
plink() { plink1.9 --bfile pooled --keep-allele-order --allow-no-sex --threads 1 "$@" >/dev/null; }
cut -f 1-3 people.tsv >institutions.txt
plink --prune --freqx --out pooled.freq
plink --assoc counts --out pooled.counts
plink --assoc --ci 0.95 --out pooled.ci
plink --model --cell 0 --out all
awk '$5 == "TEST" || $5 == "TREND" || $5 == "GENO"' all.model >pooled.model
plink --mh --within institutions.txt --out pooled
awk 'NR == FNR { if (FNR > 1 && $7 + 0 > best) { best = $7; id = $2 } next }
     { ids[FNR] = $2; if ($2 == id) row = FNR }
     END { for (i = row - 100; i < row + 100; i++) print ids[i] }' pooled.cmh pooled.bim >peak.ids
for r in r r2; do
    plink --prune --extract peak.ids --"$r" --ld-window 50 --ld-window-kb 100000 --ld-window-r2 0 --out pooled.$r
done
gzip -9n pooled.freq.frqx pooled.*.assoc pooled.model pooled.cmh pooled.*.ld
rm -rf "$data"
mkdir "$data"
tabs='BEGIN { FS = OFS = "\t"; code["CC"] = "CC"; code[1] = 0; code[2] = 1; code[-9] = "NA" }'
awk "$tabs"' { $3 = code[$3]; print }' C.pheno.tsv >"$data/C.pheno.tsv"
awk "$tabs"' { $6 = -9; print }' C.fam >"$data/C.fam"
mv [ABC].bed [ABC].bim [AB].fam sites.tsv causal.tsv peak.ids pooled.*.gz "$data"
