//! Is what came out what these rules promise?

use std::collections::BTreeMap;

use super::super::referee::{Evidence, Rows};
use super::Ruling;
use super::goods::items;

/// Everything that is not as promised.
pub fn judge(ruling: &Ruling, evidence: &Evidence<'_>, contents: &[BTreeMap<&str, Rows>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let goods = &evidence.deeds.goods;
    let drawn = ruling.table("goods");
    for (key, begun) in &goods.begun {
        let ended = evidence.deeds.deleted.iter().any(|deleted| deleted.table == "goods" && deleted.key == *key);
        // Where a record was made twice or ended, what both had before is not known, or not the same for all.
        let ([(stock, list)], false) = (begun.as_slice(), ended) else { continue };
        for (site, content) in contents.iter().enumerate() {
            let name = evidence.sites[site].0;
            let Some(row) = content["goods"].get(key) else {
                wrong.push(format!("GONE goods[{key}] at {name}, which nobody deleted"));
                continue;
            };
            if drawn.sums.contains(&"stock") {
                let sum = stock + goods.differences.get(key).copied().unwrap_or_default();
                let there = row[2].strip_prefix('i').and_then(|number| number.parse::<i64>().ok()).unwrap_or_default();
                if sum != there {
                    wrong.push(format!("SUM goods[{key}] at {name} is {there} and not {sum}"));
                }
            }
            if drawn.unites.contains(&"list") {
                let mut wanted = list.clone();
                wanted.extend(goods.put.get(key).into_iter().flatten().cloned());
                wanted.retain(|item| goods.taken.get(key).is_none_or(|taken| !taken.contains(item)));
                let there = items(&row[3]);
                if wanted != there {
                    wrong.push(format!("LIST goods[{key}] at {name} is {there:?} and not {wanted:?}"));
                }
            }
        }
    }
    wrong
}
