"""What is asked of a cohort: tracer, early and delayed window, what both must hold. The named, versioned questions."""
