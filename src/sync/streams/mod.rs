//! Packets on their way, in order, once (`DESIGN` section 4, "Streams").
//!
//! | module | answers |
//! |---|---|
//! | [`places`] | which exchanges are there in this round? |
//! | [`inbox`], [`plan`] | what came, and what is to be done with it? |
//! | [`outbox`] | what is on its way, and what must go there again? |
//! | [`stops`] | who hears of a stream that stopped, and how does it go on? |
//! | [`clocks`] | how wrong is a neighbour's clock? |

pub mod clocks;
pub mod inbox;
pub mod outbox;
pub mod places;
pub mod plan;
pub mod stops;
